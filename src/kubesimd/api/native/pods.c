/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/pods.h"

#include "basic/json-reader.h"
#include "kubesimd/api/native/list.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"

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
        if (p->node)
                return reply_message(req, api, 201, "podId", p->object.name, p->node, "Pod %s launched on node %s with %g CPU",
                                     p->object.name, p->node, (double) p->cpu / 1000);
        return reply_message(req, api, 201, "podId", p->object.name, "", "Pod %s waits for a node: %s", p->object.name,
                             p->reason ?: "nothing fits");
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
