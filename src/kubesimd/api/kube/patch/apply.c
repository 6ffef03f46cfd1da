/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/patch/apply.h"

#include <stdio.h>

#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/patch/fieldset.h"
#include "kubesimd/api/kube/patch/managed-fields.h"
#include "kubesimd/api/kube/status.h"

/* Owns the fields of objects that nobody was tracked of (as kube-apiserver names it). */
#define FIRST_MANAGER "before-first-apply"

typedef struct Apply {
        KubeWrite *write;
        const SchemaMessage *schema;
        const Json *applied, *present;
        Json *wanted_set; /* fields of the configuration */
        Json *list;       /* managedFields as they will be */
        Json *causes;     /* of conflicts */
        const char *other; /* whose conflicts are being told of */
        StrBuf message;
} Apply;

static int check_request(KubeWrite *w, const Json *applied, Error *reterr) {
        const char *name = json_string(json_at(applied, "metadata", "name", NULL));

        if (isempty(http_request_query(w->req, "fieldManager")))
                return kube_refuse_option(w->req, "PatchOptions", "fieldManager", "FieldValueRequired", "Required value: is required for apply patch");
        if (!json_is(applied, JSON_OBJECT))
                return error_set(reterr, -EINVAL, "error decoding YAML: the body is not an object");
        if (json_at(applied, "metadata", "managedFields", NULL) && json_at(applied, "metadata", "managedFields", NULL)->size > 0)
                return error_set(reterr, -EINVAL, "metadata.managedFields must be nil");
        if (isempty(json_string(json_get(applied, "apiVersion"))) || isempty(json_string(json_get(applied, "kind"))))
                return error_set(reterr, -EINVAL, "Object 'Kind' is missing in the configuration to be applied");
        if (!isempty(name) && !streq(name, w->path->name))
                return error_set(reterr, -EINVAL, "name in the object to be applied (%s) does not match the name on the URL (%s)", name, w->path->name);
        return 0;
}

/* Who owns an item is told by its keys. */
static int check_items(KubeWrite *w, const Json *applied, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        char version[KUBE_API_VERSION_MAX];

        if (!fieldset_find_duplicate(&w->arena, kube_schema(w->resource), applied, &b))
                return 0;
        return error_set(reterr, -EINVAL, "failed to create typed patch object (%s/%s; %s, Kind=%s): %s", strempty(w->path->namespace), w->path->name,
                         kube_api_version(w->resource, version), w->resource->kind, strbuf_str(&b));
}

static int create_applied(KubeWrite *w, Json *applied, Error *reterr) {
        Json *list = json_new(&w->arena, JSON_ARRAY);
        Json *set = fieldset_of(&w->arena, kube_schema(w->resource), applied);

        json_remove(json_get(applied, "metadata"), "uid");
        managed_fields_set(w, managed_fields_entry(w, list, w->manager, "Apply"), set);
        w->managed = list;
        return write_create(w, applied, reterr);
}

static void add_conflict(const char *path, void *userdata) {
        Apply *p = userdata;
        Json *cause = json_new(&p->write->arena, JSON_OBJECT);
        char text[300];

        (void) snprintf(text, sizeof(text), "conflict with %s", p->other);
        json_set_string(&p->write->arena, cause, "reason", "FieldManagerConflict");
        json_set_string(&p->write->arena, cause, "message", text);
        json_set_string(&p->write->arena, cause, "field", path);
        json_append(p->causes, cause);
        strbuf_printf(&p->message, "\n- %s", path);
}

/* '"m1"' of who applies, '"kubectl" with subresource "scale" using apps/v1' of who updates. */
static void name_manager(const Json *entry, char *buf, size_t size) {
        bool applies = streq_ptr(json_string(json_get(entry, "operation")), "Apply");
        const char *sub = strempty(json_string(json_get(entry, "subresource")));

        (void) snprintf(buf, size, "\"%s\"%s%s%s%s%s", strempty(json_string(json_get(entry, "manager"))), *sub ? " with subresource \"" : "", sub,
                        *sub ? "\"" : "", applies ? "" : " using ", applies ? "" : strempty(json_string(json_get(entry, "apiVersion"))));
}

/* Finds what others own of the fields that would get another value; takes it from them when the client insists. */
static void find_conflicts(Apply *p, const Json *own, bool force) {
        JsonArena *a = &p->write->arena;
        Json *changed = fieldset_changed(a, p->schema, p->applied, p->present);

        JSON_FOREACH(entry, p->list) {
                Json *set = json_get(entry, "fieldsV1"), *common;
                char other[300];

                if (entry == own)
                        continue;
                common = fieldset_common(a, set, changed);
                if (fieldset_is_empty(common))
                        continue;
                if (force) {
                        set = json_copy(a, set);
                        fieldset_subtract(set, common);
                        managed_fields_set(p->write, entry, set);
                        continue;
                }
                name_manager(entry, other, sizeof(other));
                p->other = other;
                strbuf_printf(&p->message, "%sconflicts with %s:", p->message.size > 0 ? "\n" : "", other);
                fieldset_each(common, add_conflict, p);
        }
}

static int reply_conflicts(Apply *p) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        const Json *first = p->causes->first;

        if (p->causes->size == 1)
                strbuf_printf(&b, "Apply failed with 1 conflict: %s: %s", json_string(json_get(first, "message")), json_string(json_get(first, "field")));
        else
                strbuf_printf(&b, "Apply failed with %zu conflicts: %s", p->causes->size, strbuf_str(&p->message));
        return kube_reply_status(p->write->req, &(KubeStatus) { .code = 409, .message = strbuf_str(&b), .causes = p->causes });
}

/* What the manager had applied and does not any more, and nobody else owns. */
static Json *fields_given_up(Apply *p, const Json *own) {
        JsonArena *a = &p->write->arena;
        Json *gone = json_copy(a, json_get(own, "fieldsV1"));

        fieldset_subtract(gone, p->wanted_set);
        JSON_FOREACH(entry, p->list)
                if (entry != own)
                        fieldset_subtract(gone, json_get(entry, "fieldsV1"));
        return gone;
}

static Json *present_managers(Apply *p) {
        JsonArena *a = &p->write->arena;
        const Json *list = json_at(p->present, "metadata", "managedFields", NULL);
        Json *copy;

        if (list)
                return json_copy(a, list);
        copy = json_new(a, JSON_ARRAY);
        managed_fields_set(p->write, managed_fields_entry(p->write, copy, FIRST_MANAGER, "Update"), fieldset_of(a, p->schema, p->present));
        return copy;
}

static int apply_present(Apply *p, StoreEntry *e, Error *reterr) {
        bool force = streq_ptr(http_request_query(p->write->req, "force"), "true");
        Json *own, *wanted, *gone;

        p->list = present_managers(p);
        p->causes = json_new(&p->write->arena, JSON_ARRAY);
        own = managed_fields_entry(p->write, p->list, p->write->manager, "Apply");
        find_conflicts(p, own, force);
        if (p->causes && p->causes->size > 0)
                return reply_conflicts(p);
        wanted = json_copy(&p->write->arena, p->present);
        json_remove(json_get(wanted, "metadata"), "resourceVersion");
        gone = fields_given_up(p, own);
        fieldset_remove(&p->write->arena, p->schema, wanted, gone);
        fieldset_merge(&p->write->arena, p->schema, wanted, p->applied);
        managed_fields_set(p->write, own, p->wanted_set);
        JSON_FOREACH(entry, p->list)
                if (fieldset_is_empty(json_get(entry, "fieldsV1")))
                        json_detach(entry);
        p->write->managed = p->list;
        return write_update(p->write, e, wanted, p->present, reterr);
}

int kube_apply(KubeWrite *w, Json *applied, Error *reterr) {
        Apply p = { .write = w, .schema = kube_schema(w->resource), .applied = applied, .message = STRBUF_INIT(MIB) };
        Json *present;
        StoreEntry *e;
        int r;

        r = check_request(w, applied, reterr);
        if (r >= 0) {
                w->validation = w->validation == FIELDS_IGNORE ? FIELDS_IGNORE : FIELDS_STRICT;
                r = write_check_fields(w, applied, reterr);
        }
        if (r >= 0)
                r = check_items(w, applied, reterr);
        if (r < 0)
                return r;
        e = store_find(cluster_store(w->api->cluster), w->resource->store_kind, w->path->key);
        if (!e)
                return create_applied(w, applied, reterr);
        r = write_read_object(w, e->object, &present, reterr);
        if (r < 0)
                return r;
        p.present = present;
        p.wanted_set = fieldset_of(&w->arena, p.schema, applied);
        r = apply_present(&p, e, reterr);
        strbuf_done(&p.message);
        return r;
}
