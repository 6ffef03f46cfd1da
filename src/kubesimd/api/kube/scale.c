/* SPDX-License-Identifier: Apache-2.0 */
/* The scale subresource: how many replicas, in the same words for every kind that has some (autoscaling/v1 Scale). */
#include <stdio.h>

#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/patch.h"
#include "kubesimd/api/kube/write.h"

/* "a=b,c=d" */
static void put_selector(const Json *object, StrBuf *b) {
        const Json *selector = json_at(object, "spec", "selector", NULL), *map = json_get(selector, "matchLabels") ?: selector;

        JSON_FOREACH(v, map)
                if (json_string(v))
                        strbuf_printf(b, "%s%s=%s", b->size > 0 ? "," : "", v->key, json_string(v));
}

static Json *make_scale(JsonArena *a, const Json *object) {
        static const char *const kept[] = { "name", "namespace", "uid", "resourceVersion", "creationTimestamp" };
        Json *scale = json_new(a, JSON_OBJECT), *metadata, *status;
        _cleanup_strbuf_ StrBuf selector = STRBUF_INIT(64 * KIB);

        json_set_string(a, scale, "kind", "Scale");
        json_set_string(a, scale, "apiVersion", "autoscaling/v1");
        metadata = json_ensure(a, scale, "metadata", JSON_OBJECT);
        for (size_t i = 0; i < ELEMENTSOF(kept); i++)
                if (json_at(object, "metadata", kept[i], NULL))
                        json_set(a, metadata, kept[i], json_copy(a, json_at(object, "metadata", kept[i], NULL)));
        json_set_i64(a, json_ensure(a, scale, "spec", JSON_OBJECT), "replicas", json_i64(json_at(object, "spec", "replicas", NULL), 1));
        status = json_ensure(a, scale, "status", JSON_OBJECT);
        json_set_i64(a, status, "replicas", json_i64(json_at(object, "status", "replicas", NULL), 0));
        put_selector(object, &selector);
        json_set_string(a, status, "selector", strbuf_str(&selector));
        return scale;
}

static int reply_scale(KubeWrite *w, const Object *o, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *object;
        int r;

        r = write_read_object(w, o, &object, reterr);
        if (r < 0)
                return r;
        json_put(&b, make_scale(&w->arena, object));
        strbuf_putc(&b, '\n');
        return kube_reply(w->req, 200, &b, api_mark(w->api));
}

int kube_get_scale(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_write_ KubeWrite w = {};
        StoreEntry *e;
        int r;

        r = write_begin(&w, req, api, path, reterr);
        if (r >= 0)
                r = kube_find(api, path, &e, reterr);
        return r < 0 ? r : reply_scale(&w, e->object, reterr);
}

/* The Scale that is wanted: the body itself, or what a patch makes of the present one. */
static int read_wanted(KubeWrite *w, const Json *object, Json **ret, Error *reterr) {
        const char *type = strempty(http_request_header(w->req, "Content-Type"));
        Json *body, *scale;
        int r;

        r = write_read_body(w, &body, reterr);
        if (r < 0)
                return r;
        if (!json_is(body, JSON_OBJECT) && !json_is(body, JSON_ARRAY))
                return error_set(reterr, -EINVAL, "the body must be a Scale, or a patch of one");
        if (http_request_method(w->req) == HTTP_PUT) {
                *ret = body;
                return 0;
        }
        scale = make_scale(&w->arena, object);
        json_remove(json_get(scale, "metadata"), "resourceVersion");
        if (startswith(type, "application/json-patch+json"))
                return patch_json(&w->arena, scale, body, ret, reterr);
        *ret = patch_merge(&w->arena, scale, body);
        return 0;
}

int kube_write_scale(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_write_ KubeWrite w = {};
        const char *revision;
        Json *object, *scale;
        char number[24];
        int64_t replicas;
        StoreEntry *e;
        int r;

        r = write_begin(&w, req, api, path, reterr);
        if (r >= 0)
                r = kube_find(api, path, &e, reterr);
        if (r >= 0)
                r = write_read_object(&w, e->object, &object, reterr);
        if (r >= 0)
                r = read_wanted(&w, object, &scale, reterr);
        if (r < 0)
                return r;
        replicas = json_i64(json_at(scale, "spec", "replicas", NULL), json_get(scale, "spec") ? 0 : -1);
        if (replicas < 0 || replicas > INT32_MAX) {
                cause_invalid(&w, "spec.replicas", json_at(scale, "spec", "replicas", NULL), "must be greater than or equal to 0");
                return write_reply_causes(&w);
        }
        revision = json_string(json_at(scale, "metadata", "resourceVersion", NULL));
        (void) snprintf(number, sizeof(number), "%llu", (unsigned long long) e->object->revision);
        if (!isempty(revision) && !streq(revision, number))
                return error_set_field(reterr, -ESTALE, path->resource->plural, path->name,
                                       "Operation cannot be fulfilled on %s.%s \"%s\": the object has been modified; please apply your changes to the latest "
                                       "version and try again", path->resource->plural, path->resource->group, path->name);
        json_set_i64(&w.arena, json_ensure(&w.arena, object, "spec", JSON_OBJECT), "replicas", replicas);
        r = cluster_update_object(api->cluster, api_now(), e, object, w.dry_run, &o, &error);
        if (r < 0)
                return error_set(reterr, r, "%s", error_message(&error));
        return reply_scale(&w, o, reterr);
}
