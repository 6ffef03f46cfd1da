/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/patch/managed-fields.h"

#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/kube/patch/fieldset.h"

Json *managed_fields_entry(KubeWrite *w, Json *list, const char *manager, const char *operation) {
        char version[KUBE_API_VERSION_MAX];
        const char *sub = strempty(w->path->subresource);
        Json *entry;

        JSON_FOREACH(e, list)
                if (streq_ptr(json_string(json_get(e, "manager")), manager) && streq_ptr(json_string(json_get(e, "operation")), operation) &&
                    streq(strempty(json_string(json_get(e, "subresource"))), sub))
                        return e;
        entry = json_new(&w->arena, JSON_OBJECT);
        json_set_string(&w->arena, entry, "manager", manager);
        json_set_string(&w->arena, entry, "operation", operation);
        json_set_string(&w->arena, entry, "apiVersion", kube_api_version(w->resource, version));
        json_set(&w->arena, entry, "time", json_new_time(&w->arena, now_realtime()));
        json_set_string(&w->arena, entry, "fieldsType", "FieldsV1");
        json_set(&w->arena, entry, "fieldsV1", json_new(&w->arena, JSON_OBJECT));
        if (*sub)
                json_set_string(&w->arena, entry, "subresource", sub);
        json_append(list, entry);
        return entry;
}

void managed_fields_set(KubeWrite *w, Json *entry, Json *set) {
        if (json_equal(json_get(entry, "fieldsV1"), set))
                return; /* the same again is no change */
        json_set(&w->arena, entry, "time", json_new_time(&w->arena, now_realtime()));
        json_set(&w->arena, entry, "fieldsV1", set);
}

/* Those of what the client has changed go over to it, those that are gone to nobody. */
static void track(KubeWrite *w, Json *list, const Json *object, const Json *old) {
        const SchemaMessage *schema = kube_schema(w->resource);
        Json *changed = fieldset_changed(&w->arena, schema, object, old), *gone = old ? fieldset_of(&w->arena, schema, old) : NULL, *own, *set;

        if (gone)
                fieldset_subtract(gone, fieldset_of(&w->arena, schema, object));
        if (fieldset_is_empty(changed) && fieldset_is_empty(gone))
                return;
        own = managed_fields_entry(w, list, w->manager, "Update");
        JSON_FOREACH(e, list) {
                set = json_copy(&w->arena, json_get(e, "fieldsV1"));
                if (e == own)
                        fieldset_add(&w->arena, set, changed);
                else
                        fieldset_subtract(set, changed);
                if (gone)
                        fieldset_subtract(set, gone);
                if (fieldset_is_empty(set))
                        json_detach(e);
                else
                        managed_fields_set(w, e, set);
        }
}

/* [] and [{}] ask for a fresh start. */
static bool is_cleared(const Json *list) {
        return json_is(list, JSON_ARRAY) && (list->size == 0 || (list->size == 1 && list->first->size == 0));
}

/* Is it a list that we could have made? Whoever does not understand the one that there is is not to delete it by accident. */
static bool is_usable(const Json *list) {
        JSON_FOREACH(e, list) {
                const char *operation = json_string(json_get(e, "operation"));

                if (!json_string(json_get(e, "manager")) || (!streq_ptr(operation, "Apply") && !streq_ptr(operation, "Update")) ||
                    !streq_ptr(json_string(json_get(e, "fieldsType")), "FieldsV1") || !fieldset_is_valid(json_get(e, "fieldsV1")))
                        return false;
        }
        return json_is(list, JSON_ARRAY) && list->size > 0;
}

void managed_fields_update(KubeWrite *w, Json *object, const Json *old) {
        Json *metadata = json_get(object, "metadata"), *given = json_get(metadata, "managedFields"), *list;
        const Json *before = json_at(old, "metadata", "managedFields", NULL);
        bool cleared = is_cleared(given);

        if (is_usable(given) && !w->path->subresource)
                before = given; /* kubectl, when it changes over to server-side apply, says who manages what */
        if (w->managed)
                list = w->managed;
        else {
                list = before && !cleared ? json_copy(&w->arena, before) : json_new(&w->arena, JSON_ARRAY);
                if (!cleared && (before || (!old && w->resource->store_kind != KIND_POD)))
                        track(w, list, object, old);
        }
        json_detach(given);
        if (list && list->size > 0)
                json_set(&w->arena, metadata, "managedFields", list);
}
