/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/pods.h"

#include "basic/json-reader.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/native/list.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"

#define POD_BATCH_MAX 500 /* so that it takes a turn of a few milliseconds */

static const JsonField pod_fields[] = {
        { .name = "cpuRequired", .type = JSON_FIELD_MILLI, .offset = offsetof(PodSpec, cpu), .mandatory = true },
        { .name = "podId", .type = JSON_FIELD_STRING, .offset = offsetof(PodSpec, name) },
        { .name = "duration", .type = JSON_FIELD_USEC, .offset = offsetof(PodSpec, duration) },
};

int handle_pods_list(HttpRequest *req, void *userdata, Error *reterr) {
        return reply_list(req, userdata, KIND_POD, reterr);
}

int handle_pod_get(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * KIB);
        const char *id = http_request_param(req, 0);
        ApiContext *api = userdata;
        StoreEntry *e;

        e = store_find(cluster_store(api->cluster), KIND_POD, id);
        if (!e)
                return error_set_field(reterr, -ENOENT, "podId", id, "there is no pod \"%s\"", id);
        render_pod(e->object, &b);
        strbuf_putc(&b, '\n');
        return http_reply(req, 200, NATIVE_JSON, &b, api_mark(api));
}

int handle_pod_create(HttpRequest *req, void *userdata, Error *reterr) {
        PodSpec spec = { .duration = USEC_INFINITY };
        _cleanup_strbuf_ StrBuf cpu = STRBUF_INIT(32);
        ApiContext *api = userdata;
        const Pod *p;
        PodState *ps;
        size_t size;
        char *text;
        int r;

        text = http_request_body(req, &size);
        r = json_parse_object(text, size, pod_fields, ELEMENTSOF(pod_fields), true, &spec, reterr);
        if (r < 0)
                return r;
        r = cluster_create_pod(api->cluster, api_now(), &spec, &ps, reterr);
        if (r < 0)
                return r;
        p = pod_of(ps);
        json_put_milli(&cpu, p->cpu);
        if (p->node)
                return reply_message(req, api, 201, "podId", p->object.name, p->node, "Pod %s launched on node %s with %s CPU",
                                     p->object.name, p->node, strbuf_str(&cpu));
        return reply_message(req, api, 201, "podId", p->object.name, "", "Pod %s waits for a node: %s", p->object.name,
                             p->reason ?: "nothing fits");
}

/* --- Many that are alike --- */

typedef struct PodBatch {
        PodSpec spec;
        int64_t count;
} PodBatch;

static const JsonField batch_fields[] = {
        { .name = "cpuRequired", .type = JSON_FIELD_MILLI, .offset = offsetof(PodBatch, spec.cpu), .mandatory = true },
        { .name = "duration", .type = JSON_FIELD_USEC, .offset = offsetof(PodBatch, spec.duration) },
        { .name = "count", .type = JSON_FIELD_I64, .offset = offsetof(PodBatch, count), .mandatory = true },
};

/* Creates one and appends what became of it. */
static int create_next(ApiContext *api, const PodSpec *spec, StrBuf *items, size_t *n_waiting, Error *reterr) {
        PodState *ps;
        int r;

        r = cluster_create_pod(api->cluster, api_now(), spec, &ps, reterr);
        if (r < 0)
                return r;
        strbuf_puts(items, items->size > 0 ? ",{\"podId\":" : "{\"podId\":");
        json_put_string(items, pod_of(ps)->object.name);
        strbuf_puts(items, ",\"nodeId\":");
        json_put_string(items, strempty(pod_of(ps)->node));
        strbuf_putc(items, '}');
        *n_waiting += !pod_of(ps)->node;
        return 0;
}

int handle_pods_batch(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf items = STRBUF_INIT(MIB), b = STRBUF_INIT(MIB);
        PodBatch batch = { .spec.duration = USEC_INFINITY };
        ApiContext *api = userdata;
        size_t size, n_waiting = 0;
        char *text;
        int r;

        text = http_request_body(req, &size);
        r = json_parse_object(text, size, batch_fields, ELEMENTSOF(batch_fields), true, &batch, reterr);
        if (r < 0)
                return r;
        if (batch.count < 1 || batch.count > POD_BATCH_MAX)
                return error_set_field(reterr, -EINVAL, "count", NULL, "\"count\" must be a number from 1 to %d, not %lld", POD_BATCH_MAX, (long long) batch.count);
        r = check_pod_room(api->cluster, (uint32_t) batch.count, reterr);
        if (r >= 0)
                r = create_next(api, &batch.spec, &items, &n_waiting, reterr);
        if (r < 0)
                return r;
        for (int64_t i = 1; i < batch.count; i++) { /* what was right for one is right for all, but for memory */
                r = create_next(api, &batch.spec, &items, &n_waiting, NULL);
                if (r < 0)
                        return error_set(reterr, r, "out of memory, when %lld of the %lld pods had been created", (long long) i, (long long) batch.count);
        }
        strbuf_printf(&b, "{\"message\":\"%lld pods created, %zu of them wait for a node\",\"created\":%lld,\"waiting\":%zu,\"pods\":[%s]}\n",
                      (long long) batch.count, n_waiting, (long long) batch.count, n_waiting, strbuf_str(&items));
        return http_reply(req, 201, NATIVE_JSON, &b, api_mark(api));
}

int handle_pod_restart(HttpRequest *req, void *userdata, Error *reterr) {
        const char *id = http_request_param(req, 0);
        ApiContext *api = userdata;
        int r;

        r = cluster_restart_pod(api->cluster, api_now(), id, reterr);
        if (r < 0)
                return r;
        return reply_message(req, api, 200, "podId", id, NULL, "Pod %s is being restarted", id);
}

int handle_pod_remove(HttpRequest *req, void *userdata, Error *reterr) {
        const char *id = http_request_param(req, 0);
        ApiContext *api = userdata;
        int r;

        r = cluster_remove_pod(api->cluster, api_now(), id, reterr);
        if (r < 0)
                return r;
        return reply_message(req, api, 200, "podId", id, NULL, "Pod %s removed", id);
}
