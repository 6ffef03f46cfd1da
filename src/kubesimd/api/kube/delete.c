/* SPDX-License-Identifier: Apache-2.0 */
/* delete and deletecollection. Options come in the body or in the query. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/store/reading.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/selector.h"
#include "kubesimd/api/kube/status.h"
#include "kubesimd/api/kube/view.h"
#include "kubesimd/api/kube/write.h"

static int read_propagation(HttpRequest *req, const char *s, DeleteOptions *ret) {
        static const char *const names[] = {
                [PROPAGATION_BACKGROUND] = "Background", [PROPAGATION_FOREGROUND] = "Foreground", [PROPAGATION_ORPHAN] = "Orphan",
        };

        if (isempty(s))
                return 0;
        for (Propagation p = 0; p < ELEMENTSOF(names); p++)
                if (streq(names[p], s)) {
                        ret->propagation = p;
                        return 0;
                }
        return kube_refuse_option(req, "DeleteOptions", "propagationPolicy", "FieldValueNotSupported",
                                  "Unsupported value: \"%s\": supported values: \"Foreground\", \"Background\", \"Orphan\", \"nil\"", s);
}

static int read_grace(const char *s, int64_t *ret, Error *reterr) {
        uint64_t v;

        if (isempty(s))
                return 0;
        if (parse_u64_range(s, 0, INT32_MAX, &v) < 0)
                return error_set(reterr, -EINVAL, "strconv.ParseInt: parsing \"%s\": invalid syntax", s);
        *ret = (int64_t) v;
        return 0;
}

/* body: may be NULL. */
int kube_read_delete_options(KubeWrite *w, const Json *body, DeleteOptions *ret, Error *reterr) {
        const char *dry = json_string(json_item(json_get(body, "dryRun"), 0));
        const char *orphan = http_request_query(w->req, "orphanDependents");
        const char *policy = json_string(json_get(body, "propagationPolicy")) ?: http_request_query(w->req, "propagationPolicy");
        int64_t grace = json_i64(json_get(body, "gracePeriodSeconds"), -1);
        int r;

        *ret = (DeleteOptions) { .grace_seconds = grace, .dry = w->dry_run };
        if (grace < -1 || (json_get(body, "gracePeriodSeconds") && grace < 0))
                return kube_refuse_option(w->req, "DeleteOptions", "gracePeriodSeconds", "FieldValueInvalid",
                                          "Invalid value: %lld: must be greater than or equal to 0", (long long) grace);
        if (dry && !streq(dry, "All"))
                return kube_refuse_option(w->req, "DeleteOptions", "dryRun", "FieldValueNotSupported",
                                          "Unsupported value: \"%s\": supported values: \"All\"", dry);
        ret->dry |= dry != NULL;
        if (!isempty(policy) && (json_get(body, "orphanDependents") || !isempty(orphan)))
                return kube_refuse_option(w->req, "DeleteOptions", "propagationPolicy", "FieldValueInvalid",
                                          "Invalid value: \"%s\": orphanDependents and deletionPropagation cannot be both set", policy);
        if (json_is_true(json_get(body, "orphanDependents")) || streq_ptr(orphan, "true"))
                ret->propagation = PROPAGATION_ORPHAN;
        r = read_propagation(w->req, policy, ret);
        if (r >= 0 && grace < 0)
                r = read_grace(http_request_query(w->req, "gracePeriodSeconds"), &ret->grace_seconds, reterr);
        return r;
}

/* *ret_body: NULL without one. */
static int read_options(KubeWrite *w, Json **ret_body, DeleteOptions *ret, Error *reterr) {
        const char *kind;
        int r;

        r = write_read_body(w, ret_body, reterr);
        if (r < 0)
                return r;
        kind = json_string(json_get(*ret_body, "kind"));
        if ((*ret_body && (*ret_body)->type != JSON_OBJECT) || (!isempty(kind) && !streq(kind, "DeleteOptions")))
                return error_set(reterr, -EINVAL, "the body of a DELETE must be DeleteOptions, not %s", strempty(kind ?: "something else"));
        return kube_read_delete_options(w, *ret_body, ret, reterr);
}

int kube_check_preconditions(const KubeResource *r, const Object *o, const Json *body, Error *reterr) {
        const Json *preconditions = json_get(body, "preconditions");
        const char *uid = json_string(json_get(preconditions, "uid")), *revision = json_string(json_get(preconditions, "resourceVersion"));
        char ours[UUID_STRING_MAX], number[24];

        (void) snprintf(number, sizeof(number), "%llu", (unsigned long long) o->revision);
        if (uid && !streq(uid, uuid_to_string(o->uid, ours)))
                return error_set_field(reterr, -ESTALE, r->plural, object_name(o),
                                       "Operation cannot be fulfilled on %s \"%s\": the UID in the precondition (%s) does not match the UID in record (%s). "
                                       "The object might have been deleted and then recreated", r->kind, object_name(o), uid, ours);
        if (revision && !streq(revision, number))
                return error_set_field(reterr, -ESTALE, r->plural, object_name(o),
                                       "Operation cannot be fulfilled on %s \"%s\": the ResourceVersion in the precondition (%s) does not match the "
                                       "ResourceVersion in record (%s). The object might have been modified", r->kind, object_name(o), revision, number);
        return 0;
}

static int refuse(const KubeResource *r, const Object *o, Error *error, Error *reterr) {
        char qualified[KUBE_API_VERSION_MAX];

        if (error->code != -EACCES)
                return error_set(reterr, error->code, "%s", error_message(error));
        return error_set_field(reterr, error->code, r->plural, object_name(o), "%s \"%s\" is forbidden: %s", kube_qualified(r, qualified), object_name(o),
                               error_message(error));
}

int kube_delete(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_(object_unrefp) Object *o = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_write_ KubeWrite w = {};
        DeleteOptions options;
        Json *body;
        StoreEntry *e;
        int r;

        r = write_begin(&w, req, api, path, reterr);
        if (r >= 0)
                r = read_options(&w, &body, &options, reterr);
        if (r >= 0)
                r = kube_find(api, path, &e, reterr);
        if (r >= 0)
                r = kube_check_preconditions(path->resource, e->object, body, reterr);
        if (r < 0)
                return r;
        o = object_ref(e->object);
        r = cluster_delete_object(api->cluster, api_now(), e, &options, &error);
        if (r < 0)
                return refuse(path->resource, o, &error, reterr);
        e = store_find(cluster_store(api->cluster), o->kind, path->key);
        if (e && (r == 0 || options.dry))
                return write_reply(&w, 200, e->object);
        if (o->kind == KIND_POD || o->kind == KIND_SERVICE_ACCOUNT)
                return write_reply(&w, 200, o); /* these are answered with what they were */
        return kube_reply_success(req, 200, path->resource, o, api_mark(api));
}

static int delete_all(KubeWrite *w, Reading *all, const Selector *selector, const DeleteOptions *options, View *view, StrBuf *b, Error *reterr) {
        bool first = true;
        Object *o;
        int k;

        while ((k = reading_next(all, &o)) > 0 || k == -EAGAIN) {
                if (k < 0)
                        continue;

                StoreEntry *e = store_find(cluster_store(w->api->cluster), o->kind, o->name);
                _cleanup_error_ Error error = ERROR_NULL;
                int r;

                if (!e || !selector_matches(selector, o))
                        continue;
                r = cluster_delete_object(w->api->cluster, api_now(), e, options, &error);
                if (r < 0)
                        return refuse(w->resource, o, &error, reterr);
                view_put_item(view, o, first, b);
                first = false;
        }
        return k < 0 ? error_set(reterr, -ENOMEM, "out of memory") : 0;
}

int kube_delete_collection(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_(reading_freep) Reading *all = NULL;
        _cleanup_(selector_freep) Selector *selector = NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(256 * MIB);
        _cleanup_write_ KubeWrite w = {};
        View view = { .cluster = api->cluster, .resource = path->resource };
        Store *s = cluster_store(api->cluster);
        DeleteOptions options;
        Json *body;
        int r;

        if (path->resource->no_deletecollection)
                return error_set(reterr, -EOPNOTSUPP, "the server does not allow this method on the requested resource");
        r = write_begin(&w, req, api, path, reterr);
        if (r >= 0)
                r = read_options(&w, &body, &options, reterr);
        if (r >= 0)
                r = selector_parse(path->resource, http_request_query(req, "labelSelector"), http_request_query(req, "fieldSelector"), &selector, reterr);
        if (r < 0)
                return r;
        r = reading_by_key(s, path->resource->store_kind, path->namespace, NULL, store_revision(s), &all);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        view_put_list_head(&view, reading_revision(all), NULL, &b);
        r = delete_all(&w, all, selector, &options, &view, &b, reterr);
        if (r < 0)
                return r;
        view_put_list_tail(&view, 0, NULL, &b);
        return kube_reply(req, 200, &b, api_mark(api));
}
