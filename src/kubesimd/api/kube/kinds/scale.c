/* SPDX-License-Identifier: Apache-2.0 */
/* The scale subresource: how many replicas, in the same words for every kind that has some (autoscaling/v1 Scale). */
#include <stdio.h>

#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/custom.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/patch/managed-fields.h"
#include "kubesimd/api/kube/patch/patch.h"
#include "kubesimd/api/kube/view.h"
#include "kubesimd/api/kube/write.h"

/* "a=b,c=d" */
static void put_selector(const Json *object, StrBuf *b) {
        const Json *selector = json_at(object, "spec", "selector", NULL), *map = json_get(selector, "matchLabels") ?: selector;

        JSON_FOREACH(v, map)
                if (json_string(v))
                        strbuf_printf(b, "%s%s=%s", b->size > 0 ? "," : "", v->key, json_string(v));
}

/* Where a kind has them. */
static const char *spec_path(const KubeResource *r) {
        return r->custom ? r->custom->spec_replicas : ".spec.replicas";
}

static const char *status_path(const KubeResource *r) {
        return r->custom ? r->custom->status_replicas : ".status.replicas";
}

static int64_t number_at(Json *object, const char *path, int64_t otherwise) {
        return path ? json_i64(jsonpath_get_simple(object, path), otherwise) : otherwise;
}

/* The selector of custom objects is in the words that a request has. */
static void put_custom_selector(const KubeResource *r, Json *object, StrBuf *b) {
        if (r->custom->label_selector)
                strbuf_puts(b, strempty(json_string(jsonpath_get_simple(object, r->custom->label_selector))));
}

static Json *make_scale(JsonArena *a, const KubeResource *r, Json *object) {
        static const char *const kept[] = { "name", "namespace", "uid", "resourceVersion", "creationTimestamp" };
        Json *scale = json_new(a, JSON_OBJECT), *metadata, *status;
        _cleanup_strbuf_ StrBuf selector = STRBUF_INIT(64 * KIB);

        json_set_string(a, scale, "kind", "Scale");
        json_set_string(a, scale, "apiVersion", "autoscaling/v1");
        metadata = json_ensure(a, scale, "metadata", JSON_OBJECT);
        for (size_t i = 0; i < ELEMENTSOF(kept); i++)
                if (json_at(object, "metadata", kept[i], NULL))
                        json_set(a, metadata, kept[i], json_copy(a, json_at(object, "metadata", kept[i], NULL)));
        json_set_i64(a, json_ensure(a, scale, "spec", JSON_OBJECT), "replicas", number_at(object, spec_path(r), r->custom ? 0 : 1));
        status = json_ensure(a, scale, "status", JSON_OBJECT);
        json_set_i64(a, status, "replicas", number_at(object, status_path(r), 0));
        if (r->custom)
                put_custom_selector(r, object, &selector);
        else
                put_selector(object, &selector);
        json_set_string(a, status, "selector", strbuf_str(&selector));
        return scale;
}

static void put_scale_cells(const Object *o, const Json *root, usec_t now, StrBuf *b) {
        json_put_string(b, object_name(o));
        strbuf_printf(b, ",%lld,%lld,", (long long) json_i64(json_at(root, "spec", "replicas", NULL), 1),
                      (long long) json_i64(json_at(root, "status", "replicas", NULL), 0));
        kube_put_age(b, o->created, now);
}

/* The row of a Scale (k8s.io/kubernetes, printScale). */
static void put_scale_row(const KubeWrite *w, View *view, const Object *o, StrBuf *b) {
        static const KubeColumn columns[] = {
                { .name = "Name", .type = "string", .is_name = true }, { .name = "Desired", .type = "integer" },
                { .name = "Available", .type = "integer" }, { .name = "Age", .type = "string" }, {},
        };
        KubeResource scale = *w->resource;

        scale.columns = columns;
        scale.put_document_cells = put_scale_cells;
        view->resource = &scale;
        view_put_one(view, o, o->revision, b);
        view->resource = NULL;
}

static int reply_scale(KubeWrite *w, const Object *o, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *object;
        View view;
        int r;

        r = write_read_object(w, o, &object, reterr);
        if (r >= 0 && w->resource->custom && !jsonpath_get_simple(object, spec_path(w->resource)))
                r = error_set(reterr, -ENOMSG, "the spec replicas field \"%s\" does not exist", spec_path(w->resource));
        if (r < 0)
                return r;
        r = view_from_request(w->req, w->api->cluster, w->resource, &view, reterr);
        if (r < 0)
                return r;
        if (view.form == VIEW_TABLE && !w->resource->custom)
                put_scale_row(w, &view, o, &b);
        else
                json_put(&b, make_scale(&w->arena, w->resource, object));
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
static int read_wanted(KubeWrite *w, Json *object, Json **ret, Error *reterr) {
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
        scale = make_scale(&w->arena, w->resource, object);
        json_remove(json_get(scale, "metadata"), "resourceVersion");
        if (startswith(type, "application/json-patch+json"))
                return patch_json(&w->arena, scale, body, ret, reterr);
        *ret = patch_merge(&w->arena, scale, body);
        return 0;
}

/* Puts the number where the kind has it; 1 when it was answered that this is not valid. */
static int set_replicas(KubeWrite *w, Json *object, const Json *present, int64_t replicas, Error *reterr) {
        if (!jsonpath_set_simple(&w->arena, object, spec_path(w->resource), json_new_i64(&w->arena, replicas)))
                return error_set(reterr, -ENOMSG, "the spec replicas field \"%s\" does not exist", spec_path(w->resource));
        if (!w->resource->custom)
                return 0;
        custom_validate(w, object, present);
        custom_count_generation(w, object, present);
        return write_reply_causes(w);
}

static int check_revision(const KubeWrite *w, const Json *scale, const Object *o, Error *reterr) {
        const char *revision = json_string(json_at(scale, "metadata", "resourceVersion", NULL));
        char number[24];

        (void) snprintf(number, sizeof(number), "%llu", (unsigned long long) o->revision);
        if (isempty(revision) || streq(revision, number))
                return 0;
        return error_set_field(reterr, -ESTALE, w->resource->plural, w->path->name,
                               "Operation cannot be fulfilled on %s.%s \"%s\": the object has been modified; please apply your changes to the latest "
                               "version and try again", w->resource->plural, w->resource->group, w->path->name);
}

int kube_write_scale(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_write_ KubeWrite w = {};
        Json *object, *present, *scale;
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
        r = check_revision(&w, scale, e->object, reterr);
        present = json_copy(&w.arena, object);
        if (r >= 0)
                r = set_replicas(&w, object, present, replicas, reterr);
        if (r != 0)
                return r < 0 ? r : 0;
        managed_fields_update(&w, object, present);
        if (json_arena_error(&w.arena) < 0)
                return error_set(reterr, json_arena_error(&w.arena), "out of memory");
        r = cluster_update_object(api->cluster, api_now(), e, object, w.dry_run, &o, &error);
        if (r < 0)
                return error_set(reterr, r, "%s", error_message(&error));
        return reply_scale(&w, o, reterr);
}
