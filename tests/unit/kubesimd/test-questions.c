/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the scheduler from the request to the answer, each allocation failing in turn. The HTTP engine is this file: it is linked
 * with --wrap for what the handlers call of it. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "core/control/nodes.h"
#include "core/control/pods.h"
#include "core/control/state.h"
#include "kubesimd/api/native/native.h"
#include "tests/sim/memory.h"

struct HttpRequest {
        const char *body, *algorithm, *pod;
        char text[4096]; /* the body, which readers write into */
        http_stream_read_t read;
        void (*free_stream)(void *userdata);
        void *userdata;
};

HttpMethod __wrap_http_request_method(const HttpRequest *req);
const char *__wrap_http_request_query(HttpRequest *req, const char *name);
const char *__wrap_http_request_param(const HttpRequest *req, unsigned i);
const char *__wrap_http_request_header(HttpRequest *req, const char *name);
char *__wrap_http_request_body(HttpRequest *req, size_t *ret_size);
int __wrap_http_reply_stream(HttpRequest *req, const char *type, uint64_t mark, bool compress, http_stream_read_t read,
                             void (*free_stream)(void *userdata), void *userdata);
void __wrap_http_stream_wake_by(HttpRequest *req, usec_t at);

HttpMethod __wrap_http_request_method(const HttpRequest *req _unused_) {
        return HTTP_POST;
}

const char *__wrap_http_request_query(HttpRequest *req, const char *name) {
        return streq(name, "algorithm") ? req->algorithm : NULL;
}

const char *__wrap_http_request_param(const HttpRequest *req, unsigned i _unused_) {
        return req->pod;
}

const char *__wrap_http_request_header(HttpRequest *req _unused_, const char *name) {
        return streq(name, "Content-Type") ? "application/json" : NULL;
}

char *__wrap_http_request_body(HttpRequest *req, size_t *ret_size) {
        (void) snprintf(req->text, sizeof(req->text), "%s", req->body);
        *ret_size = strlen(req->text);
        return req->text;
}

int __wrap_http_reply_stream(HttpRequest *req, const char *type _unused_, uint64_t mark _unused_, bool compress _unused_, http_stream_read_t read,
                             void (*free_stream)(void *userdata), void *userdata) {
        req->read = read;
        req->free_stream = free_stream;
        req->userdata = userdata;
        return 0;
}

void __wrap_http_stream_wake_by(HttpRequest *req _unused_, usec_t at _unused_) {
}

/* The whole answer without what the clock says: 0, or why there is none. */
static int ask(ApiContext *api, http_handler_t handler, HttpRequest *req, char *answer, size_t size) {
        _cleanup_error_ Error error = ERROR_NULL;
        char *clock, *end;
        size_t n = 0;
        ssize_t k;
        int r;

        r = handler(req, api, &error);
        if (r < 0)
                return r;
        while ((k = req->read(answer + n, size - n - 1, req->userdata)) >= 0)
                n += (size_t) k;
        req->free_stream(req->userdata);
        answer[n] = '\0';
        while ((clock = strstr(answer, "\"microsecondsPerPod\":"))) {
                end = strchr(clock, ',');
                memmove(clock, end + 1, strlen(end));
        }
        return k == -ENODATA ? 0 : (int) k;
}

static Cluster *new_cluster(void) {
        static const uint64_t secret[2] = { 7, 8 };
        const ClusterConfig config = {
                .node_timeout_usec = USEC_PER_HOUR, .remove_after_usec = USEC_PER_HOUR, .heartbeat_interval_usec = USEC_PER_HOUR, .nodes_max = 10,
                .objects_max = 1000, .pods_max = 100, .pods_per_node_max = 100, .node_cpu_max = 64000, .watch_log_max = 100, .event_log_max = 100,
                .backoff_initial_usec = USEC_PER_SEC, .backoff_max_usec = USEC_PER_SEC, .algorithm = "kube",
        };
        NodeState *ns;
        PodState *ps;
        Cluster *c;

        assert_int_equal(cluster_new(&config, 1, secret, &c), 0);
        cluster_set_clock(c, 0);
        assert_int_equal(cluster_loaded(c, USEC_PER_SEC, 0, 0), 0);
        for (unsigned i = 0; i < 3; i++) {
                char name[4] = { 'n', (char) ('0' + i), '\0' };

                assert_int_equal(cluster_add_node(c, USEC_PER_SEC, name, 4000, &ns, NULL), 0);
        }
        assert_int_equal(cluster_create_pod(c, USEC_PER_SEC, &(PodSpec) { .name = "web", .cpu = 500, .duration = USEC_INFINITY }, &ps, NULL) >= 0, 1);
        store_set_durable(cluster_store(c), store_revision(cluster_store(c)));
        return c;
}

#define POD "{\"kind\":\"Pod\",\"metadata\":{\"annotations\":{\"kubesim.io/pod-group\":\"g\",\"kubesim.io/pod-group-min-member\":\"2\"}},\"spec\":" \
            "{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"900m\"}}}]}}"
#define DEPLOYMENT "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":\"d\"},\"spec\":{\"replicas\":30,\"selector\":" \
                   "{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\"," \
                   "\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"600m\"}}}]}}}}"

static void test_each_allocation_fails(void **state _unused_) {
        static const struct {
                http_handler_t handle;
                HttpRequest request;
        } questions[] = {
                { handle_explain, { .body = POD, .algorithm = "kube" } },
                { handle_explain_pod, { .body = "", .algorithm = "kube", .pod = "web" } },
                { handle_capacity, { .body = POD, .algorithm = "kube,best-fit,random" } },
                { handle_compare, { .body = "[" POD "," DEPLOYMENT "]", .algorithm = "kube,worst-fit" } },
        };
        Cluster *c = new_cluster();
        ApiContext api = { .cluster = c };
        char right[20000], answer[20000];

        for (size_t i = 0; i < ELEMENTSOF(questions); i++) {
                uint64_t revision = store_revision(cluster_store(c)), changes = c->scheduler.n_changes, classes = c->scheduler.classes.by_text.n_used;
                unsigned n = 0, told = 0;
                HttpRequest req = questions[i].request;

                assert_int_equal(ask(&api, questions[i].handle, &req, right, sizeof(right)), 0);
                assert_null(strstr(right, "error"));
                do {
                        int r;

                        req = questions[i].request;
                        n++;
                        memory_fail(n, n % 5 == 0 ? 3 : 0);
                        r = ask(&api, questions[i].handle, &req, answer, sizeof(answer));
                        told += r == 0 && streq(answer, "{\"error\":\"out of memory\"}\n");
                        if (r != -ENOMEM && !streq(answer, "{\"error\":\"out of memory\"}\n") && (r != 0 || !streq(answer, right)))
                                fail_msg("question %zu, allocation %u: %d, %s", i, n, r, answer);
                        assert_int_equal(store_revision(cluster_store(c)), revision);
                        assert_int_equal(c->scheduler.n_changes, changes);
                        assert_int_equal(c->scheduler.classes.by_text.n_used, classes);
                } while (memory_failed());
                memory_fail(0, 0);
                assert_true(n > 20 && told > 5);
        }
        cluster_free(c);
}

int main(void) {
        static const struct CMUnitTest tests[] = { cmocka_unit_test(test_each_allocation_fails) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
