/* SPDX-License-Identifier: Apache-2.0 */
/* create, update and patch of any kind in the table. */
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/patch/apply.h"
#include "kubesimd/api/kube/patch/patch.h"
#include "kubesimd/api/kube/status.h"
#include "kubesimd/api/kube/write.h"

/* Of definitions and what they define there is no protobuf that says all. */
static int check_body_type(KubeWrite *w, Error *reterr) {
        const char *type = strempty(http_request_header(w->req, "Content-Type"));

        if ((!w->resource->custom && w->resource->store_kind != KIND_CUSTOM_RESOURCE_DEFINITION) || !startswith(type, "application/vnd.kubernetes.protobuf"))
                return 0;
        return error_set(reterr, -EPROTOTYPE, "the body of the request was in an unknown format - accepted media types include: application/json");
}

static int read_object(KubeWrite *w, Json **ret, Error *reterr) {
        int r;

        r = check_body_type(w, reterr);
        if (r < 0)
                return r;
        r = write_read_body(w, ret, reterr);
        if (r == -EBADMSG)
                (void) error_prefix(reterr, "the object provided is unrecognized (must be of type %s)", w->resource->kind);
        if (r < 0)
                return r;
        return write_check_fields(w, *ret, reterr);
}

int kube_create(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_write_ KubeWrite w = {};
        Json *object;
        int r;

        if (path->resource->namespaced && !path->namespace)
                return error_set(reterr, -EOPNOTSUPP, "the server does not allow this method on the requested resource");
        r = write_begin(&w, req, api, path, reterr);
        if (r >= 0)
                r = read_object(&w, &object, reterr);
        return r < 0 ? r : write_create(&w, object, reterr);
}

/* Leases are created by an update, as kubelets and leader election do. */
static bool is_created_by_update(const KubePath *path) {
        return path->resource->store_kind == KIND_LEASE && !path->subresource;
}

/* Who means another object, or forgot to read this one first, is not to overwrite it. */
static int check_named(const KubePath *path, const Json *object, Error *reterr) {
        if (!isempty(json_string(json_at(object, "metadata", "name", NULL))))
                return 0;
        return error_set(reterr, -EINVAL, "the name of the object (%s based on URL) was undeterminable: name must be provided", path->name);
}

int kube_update(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_write_ KubeWrite w = {};
        Json *wanted, *present;
        StoreEntry *e;
        int r;

        r = write_begin(&w, req, api, path, reterr);
        if (r >= 0)
                r = read_object(&w, &wanted, reterr);
        if (r >= 0)
                r = check_named(path, wanted, reterr);
        if (r < 0)
                return r;
        r = kube_find(api, path, &e, reterr);
        if (r == -ENOENT && is_created_by_update(path)) {
                error_done(reterr);
                return write_create(&w, wanted, reterr);
        }
        if (r >= 0)
                r = write_read_object(&w, e->object, &present, reterr);
        return r < 0 ? r : write_update(&w, e, wanted, present, reterr);
}

typedef enum PatchType {
        PATCH_JSON,
        PATCH_MERGE,
        PATCH_STRATEGIC,
        PATCH_APPLY,
        _PATCH_TYPE_MAX,
        _PATCH_TYPE_INVALID = -EINVAL,
} PatchType;

static int patch_type(HttpRequest *req, PatchType *ret, Error *reterr) {
        static const char *const types[_PATCH_TYPE_MAX] = {
                [PATCH_JSON] = "application/json-patch+json", [PATCH_MERGE] = "application/merge-patch+json",
                [PATCH_STRATEGIC] = "application/strategic-merge-patch+json", [PATCH_APPLY] = "application/apply-patch+yaml",
        };
        const char *given = strempty(http_request_header(req, "Content-Type"));

        for (PatchType t = 0; t < _PATCH_TYPE_MAX; t++) {
                const char *rest = startswith(given, types[t]);

                if (rest && (*rest == '\0' || *rest == ';')) {
                        *ret = t;
                        return 0;
                }
        }
        return error_set(reterr, -EPROTOTYPE, "415: Unsupported Media Type");
}

/* A definition says nothing of how lists merge. */
static int check_patch_type(const KubeResource *r, PatchType type, Error *reterr) {
        if (!r->custom || type != PATCH_STRATEGIC)
                return 0;
        return error_set(reterr, -EPROTOTYPE, "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, "
                         "application/merge-patch+json, application/apply-patch+yaml");
}

/* What the patch makes of the object. */
static int apply_patch(KubeWrite *w, PatchType type, Json *target, const Json *patch, Json **ret, Error *reterr) {
        switch (type) {
        case PATCH_JSON:
                return patch_json(&w->arena, target, patch, ret, reterr);
        case PATCH_MERGE:
                if (!json_is(patch, JSON_OBJECT))
                        return error_set(reterr, -EINVAL, "error decoding patch: a merge patch is an object");
                *ret = patch_merge(&w->arena, target, patch);
                return 0;
        default:
                return patch_strategic(&w->arena, kube_schema(w->resource), target, patch, ret, reterr);
        }
}

static int patch_object(KubeWrite *w, PatchType type, const Json *patch, Error *reterr) {
        Json *present, *wanted;
        StoreEntry *e;
        int r;

        r = kube_find(w->api, w->path, &e, reterr);
        if (r >= 0)
                r = write_read_object(w, e->object, &present, reterr);
        if (r < 0)
                return r;
        wanted = json_copy(&w->arena, present);
        /* Only a patch that names a version means one. */
        json_remove(json_get(wanted, "metadata"), "resourceVersion");
        if (type != PATCH_JSON)
                r = apply_patch(w, type, wanted, patch, &wanted, reterr);
        else
                r = patch_json(&w->arena, json_copy(&w->arena, present), patch, &wanted, reterr);
        if (r >= 0)
                r = write_check_fields(w, wanted, reterr);
        if (r < 0)
                return r;
        return write_update(w, e, wanted, present, reterr);
}

int kube_patch(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_write_ KubeWrite w = {};
        PatchType type = _PATCH_TYPE_INVALID;
        Json *patch;
        int r;

        r = patch_type(req, &type, reterr);
        if (r >= 0)
                r = check_patch_type(path->resource, type, reterr);
        if (r >= 0)
                r = write_begin(&w, req, api, path, reterr);
        if (r >= 0)
                r = write_read_body(&w, &patch, reterr);
        if (r < 0)
                return r;
        if (!patch)
                return error_set(reterr, -EINVAL, "error decoding patch: the body is empty");
        if (type != PATCH_APPLY && http_request_query(req, "force"))
                return kube_refuse_option(req, "PatchOptions", "force", "FieldValueForbidden", "Forbidden: may not be specified for non-apply patch");
        return type == PATCH_APPLY ? kube_apply(&w, patch, reterr) : patch_object(&w, type, patch, reterr);
}

int kube_finalize(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        return kube_update(req, api, path, reterr);
}
