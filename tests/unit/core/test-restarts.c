/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that end are started again where they are, after waits that grow, and pods that run for too long end. Kubernetes documentation,
 * "Pod Lifecycle" (restart policy, CrashLoopBackOff) and "Jobs" (activeDeadlineSeconds). */
#include "tests/lib/test.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/pods.h"

#define SECOND USEC_PER_SEC

static usec_t now;

static Cluster *cluster(void) {
        static const uint64_t secret[2] = { 1, 2 };
        const ClusterConfig config = {
                .node_timeout_usec = 15 * SECOND, .remove_after_usec = USEC_PER_HOUR, .heartbeat_interval_usec = SECOND, .stop_grace_usec = 5 * SECOND,
                .nodes_max = 10, .pods_max = 10, .pods_per_node_max = 110, .objects_max = 1000, .node_cpu_max = 1024000, .watch_log_max = 1000,
                .event_log_max = 1000, .backoff_initial_usec = SECOND, .backoff_max_usec = SECOND, .algorithm = "kube", .turn_max = 1000,
        };
        NodeState *ns;
        Cluster *c;

        now = 1000 * SECOND;
        assert_int_equal(cluster_new(&config, 1, secret, &c), 0);
        cluster_set_clock(c, 0);
        assert_int_equal(cluster_loaded(c, now, 0, 0), 0);
        assert_int_equal(cluster_add_node(c, now, "n", 4000, &ns, NULL), 0);
        return c;
}

static const Pod *create(Cluster *c, const char *spec, const char *duration, unsigned exit_code) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char text[1024];
        Object *o;
        Json *root;

        (void) snprintf(text, sizeof(text), "{\"metadata\":{\"annotations\":{\"kubesim.io/duration\":\"%s\",\"kubesim.io/exit-code\":\"%u\"}},"
                        "\"spec\":{%s,\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}", duration, exit_code, spec);
        assert_int_equal(json_tree_parse(&a, text, strlen(text), &root, NULL), 0);
        assert_int_equal(cluster_create_object(c, now, KIND_POD, "p", root, false, &o, NULL), 0);
        object_unref(o);
        return pod_of(find_pod(c, "p"));
}

/* One step, when it is due; the pod after it. */
static const Pod *step(Cluster *c) {
        now = MAX(now, cluster_deadline(c));
        assert_int_equal(cluster_step(c, now), 0);
        return pod_of(find_pod(c, "p"));
}

static void test_waits_grow(void **state _unused_) {
        static const unsigned waits[] = { 10, 20, 40, 80, 160, 300, 300 };
        Cluster *c = cluster();
        const Pod *p = create(c, "\"restartPolicy\":\"Always\"", "1s", 3);
        size_t n = 0;

        for (PodStatus before = p->status; n < ELEMENTSOF(waits); before = p->status) {
                usec_t ended;

                p = step(c);
                if (p->status != POD_BACKOFF || before == POD_BACKOFF)
                        continue;
                assert_int_equal(before, POD_RUNNING);
                assert_int_equal(p->restarts, n + 1); /* the first was at once */
                ended = p->ended;
                while ((p = step(c))->status == POD_BACKOFF)
                        ;
                assert_int_equal(p->status, POD_RUNNING);
                assert_true(now - ended == waits[n] * SECOND && pod_run_began(p) == now);
                assert_int_equal(p->restarts, n++ + 2);
        }
        cluster_free(c);
}

static void test_how_they_end(void **state _unused_) {
        static const struct {
                const char *spec, *duration;
                unsigned exit_code;
                PodStatus status; /* after 13 minutes */
                uint32_t restarts;
                int code; /* 0: or it is not over */
        } cases[] = {
                { "\"restartPolicy\":\"Never\"", "1s", 0, POD_SUCCEEDED, 0, 0 },
                { "\"restartPolicy\":\"Never\"", "1s", 5, POD_FAILED, 0, 5 },
                { "\"restartPolicy\":\"OnFailure\"", "1s", 0, POD_SUCCEEDED, 0, 0 },
                { "\"restartPolicy\":\"OnFailure\"", "1s", 5, POD_BACKOFF, 7, 0 },
                { "\"restartPolicy\":\"Always\"", "1s", 0, POD_BACKOFF, 7, 0 },
                { "\"restartPolicy\":\"Always\"", "1h", 0, POD_RUNNING, 0, 0 },
                { "\"restartPolicy\":\"Always\"", "11min", 0, POD_RUNNING, 1, 0 },
                { "\"restartPolicy\":\"Always\",\"activeDeadlineSeconds\":60", "1h", 5, POD_FAILED, 0, 137 },
                { "\"restartPolicy\":\"Always\",\"activeDeadlineSeconds\":15", "10s", 5, POD_FAILED, 1, 137 },
                { "\"restartPolicy\":\"Always\",\"activeDeadlineSeconds\":15", "5s", 5, POD_FAILED, 1, 137 }, /* while it waits */
                { "\"restartPolicy\":\"Never\",\"activeDeadlineSeconds\":15", "10s", 5, POD_FAILED, 0, 5 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                Cluster *c = cluster();
                const Pod *p = create(c, cases[i].spec, cases[i].duration, cases[i].exit_code);
                bool over;

                for (usec_t end = now + 13 * USEC_PER_MINUTE; cluster_deadline(c) <= end;)
                        p = step(c);
                over = p->status == POD_SUCCEEDED || p->status == POD_FAILED;
                if (p->status != cases[i].status || p->restarts != cases[i].restarts || (over ? pod_ended_with(p) : 0) != cases[i].code)
                        fail_msg("%s %s: %s after %u restarts, %d", cases[i].spec, cases[i].duration, pod_status_to_string(p->status), p->restarts,
                                 pod_ended_with(p));
                assert_int_equal(pod_exceeded_deadline(p), cases[i].code == 137);
                cluster_free(c);
        }
}

/* Who restarts it begins a new row. */
static void test_an_operator_restarts_it(void **state _unused_) {
        Cluster *c = cluster();
        const Pod *p = create(c, "\"restartPolicy\":\"Always\"", "1s", 3);
        uint32_t restarts;

        while (p->crashes < 4 || p->status != POD_BACKOFF)
                p = step(c);
        restarts = p->restarts;
        assert_int_equal(cluster_restart_pod(c, now, "p", NULL), 0);
        while ((p = step(c))->status != POD_RUNNING)
                ;
        assert_int_equal(p->restarts, restarts + 1);
        assert_int_equal(p->crashes, 0);
        assert_true(p->started == now && p->ended == 0);
        cluster_free(c);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_waits_grow), cmocka_unit_test(test_how_they_end), cmocka_unit_test(test_an_operator_restarts_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
