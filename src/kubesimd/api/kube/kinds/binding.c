/* SPDX-License-Identifier: Apache-2.0 */
/* What other schedulers and those who empty nodes do with pods: binding and eviction. */
#include <stdio.h>

#include "basic/error.h"
#include "basic/string-util.h"
#include "core/control/controllers/disruption-budget.h"
#include "kubesimd/api/kube/kinds/rules.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/status.h"
#include "kubesimd/api/kube/write.h"

/* The body may name the pod once more, and then the same one. */
static int check_name(const KubePath *path, const Json *body, const char *kind, Error *reterr) {
        const char *name = json_string(json_at(body, "metadata", "name", NULL));

        if (isempty(name) || streq(name, path->name))
                return 0;
        return error_set(reterr, -EINVAL, "name in URL does not match name in %s object", kind);
}

/* Binds the pod that the path names, as the body says. */
static int bind(KubeWrite *w, const KubePath *pod, const Json *body, Error *reterr) {
        const char *node = json_string(json_at(body, "target", "name", NULL)), *uid = json_string(json_at(body, "metadata", "uid", NULL));
        const char *kind = json_string(json_at(body, "target", "kind", NULL));
        char ours[UUID_STRING_MAX];
        StoreEntry *e;
        int r;

        r = kube_find(w->api, pod, &e, reterr);
        if (r < 0)
                return r;
        if (!isempty(kind) && !streq(kind, "Node"))
                cause_not_supported(w, "target.kind", kind, "\"Node\", \"<empty>\"");
        if (isempty(node))
                cause_required(w, "target.name", "");
        r = write_reply_causes(w);
        if (r != 0)
                return MIN(r, 0);
        if (!isempty(uid) && !streq(uid, uuid_to_string(e->object->uid, ours)))
                return error_set_field(reterr, -ESTALE, "pods/binding", pod->name, "Operation cannot be fulfilled on pods/binding \"%s\": uid mismatch: the "
                                       "provided uid in the binding is %s, the uid of the pod is %s", pod->name, uid, ours);
        if (kube_pod_is_gated((const Pod*) e->object))
                return error_set_field(reterr, -ESTALE, "pods/binding", pod->name, "Operation cannot be fulfilled on pods/binding \"%s\": pod %s has non-empty "
                                       ".spec.schedulingGates", pod->name, pod->name);
        if (!w->dry_run) {
                r = cluster_bind_pod(w->api->cluster, api_now(), e, node, reterr);
                if (r < 0)
                        return r;
        }
        return kube_reply_success(w->req, 201, NULL, NULL, api_mark(w->api));
}

int kube_bind(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_write_ KubeWrite w = {};
        Json *body;
        int r;

        r = write_begin(&w, req, api, path, reterr);
        if (r >= 0)
                r = write_read_body(&w, &body, reterr);
        if (r >= 0)
                r = check_name(path, body, "Binding", reterr);
        return r < 0 ? r : bind(&w, path, body, reterr);
}

int handle_kube_bindings(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_write_ KubeWrite w = {};
        char text[KUBE_KEY_MAX + 64];
        KubePath path, pod;
        const char *name;
        Json *body;
        int r;

        r = kube_parse_path(http_request_path(req), userdata, &path, reterr);
        if (r >= 0)
                r = write_begin(&w, req, userdata, &path, reterr);
        if (r >= 0)
                r = write_read_body(&w, &body, reterr);
        if (r < 0)
                return r;
        name = json_string(json_at(body, "metadata", "name", NULL));
        if (isempty(name)) {
                cause_required(&w, "metadata.name", "");
                return write_reply_causes(&w);
        }
        if (strchr(name, '/') || snprintf(text, sizeof(text), "/api/v1/namespaces/%s/pods/%s", path.namespace, name) >= (int) sizeof(text))
                return kube_not_found(kube_resource_find("", "v1", "pods"), name, reterr);
        r = kube_parse_path(text, userdata, &pod, reterr);
        return r < 0 ? r : bind(&w, &pod, body, reterr);
}

static int reply_blocked(KubeWrite *w, const Object *budget, const Json *status) {
        Json *causes = json_new(&w->arena, JSON_ARRAY), *cause = json_new(&w->arena, JSON_OBJECT);
        char message[512];

        (void) snprintf(message, sizeof(message), "The disruption budget %s needs %lld healthy pods and has %lld currently", object_name(budget),
                        (long long) json_i64(json_get(status, "desiredHealthy"), 0), (long long) json_i64(json_get(status, "currentHealthy"), 0));
        json_set_string(&w->arena, cause, "reason", "DisruptionBudget");
        json_set_string(&w->arena, cause, "message", message);
        json_append(causes, cause);
        return kube_reply_status(w->req, &(KubeStatus) { .code = 429, .message = "Cannot evict pod as it would violate the pod's disruption budget.",
                                                         .causes = causes });
}

int kube_evict(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_write_ KubeWrite w = {};
        DeleteOptions options;
        const Object *budget = NULL;
        const Json *status = NULL;
        Json *body;
        const Pod *p;
        StoreEntry *e;
        int r;

        r = write_begin(&w, req, api, path, reterr);
        if (r >= 0)
                r = write_read_body(&w, &body, reterr);
        if (r >= 0)
                r = check_name(path, body, "Eviction", reterr);
        if (r >= 0)
                r = kube_find(api, path, &e, reterr);
        if (r >= 0)
                r = kube_read_delete_options(&w, json_get(body, "deleteOptions"), &options, reterr);
        if (r >= 0)
                r = kube_check_preconditions(path->resource, e->object, json_get(body, "deleteOptions"), reterr);
        if (r < 0)
                return r;
        (void) cluster_step(api->cluster, api_now()); /* so that budgets know of the evictions before this one */
        r = kube_find(api, path, &e, reterr);
        if (r < 0)
                return r;
        p = (const Pod*) e->object;
        if (p->status == POD_RUNNING && p->deleted == 0)
                r = find_blocking_budget(api->cluster, e->object, &w.arena, &budget, &status);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        if (budget)
                return reply_blocked(&w, budget, status);
        options.disruption = POD_DISRUPTION_EVICTION;
        r = cluster_delete_object(api->cluster, api_now(), e, &options, reterr);
        return r < 0 ? r : kube_reply_success(req, 201, NULL, NULL, api_mark(api));
}
