/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/patch/patch.h"

#define ORDER "$setElementOrder/"
#define DELETE "$deleteFromPrimitiveList/"

static int merge_object(JsonArena *a, const SchemaMessage *m, Json *target, const Json *patch, Error *reterr);

static bool is_directive(const Json *v, const char *what) {
        return streq_ptr(json_string(json_get(v, "$patch")), what);
}

/* A copy without directives: of what is new there is nothing to merge with. */
static Json *copy_plain(JsonArena *a, const Json *v) {
        Json *copy;

        if (!json_is(v, JSON_OBJECT) && !json_is(v, JSON_ARRAY))
                return json_copy(a, v);
        copy = json_new(a, v->type);
        JSON_FOREACH(item, v) {
                if (item->key && (item->key[0] == '$' || item->type == JSON_NULL))
                        continue;
                if (!item->key && is_directive(item, "delete"))
                        continue;
                if (item->key)
                        json_set(a, copy, item->key, copy_plain(a, item));
                else
                        json_append(copy, copy_plain(a, item));
        }
        return copy;
}

/* Do two items have the same value of the merge key? */
static bool same_key(const Json *x, const Json *y, const char *key) {
        const Json *a = json_get(x, key), *b = json_get(y, key);

        return a && b && json_equal(a, b);
}

static Json *find_item(const Json *list, const Json *item, const char *key) {
        JSON_FOREACH(v, list)
                if (key ? same_key(v, item, key) : json_equal(v, item))
                        return v;
        return NULL;
}

static int missing_key(const Json *item, const char *key, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);

        json_put(&b, item);
        return error_set(reterr, -EINVAL, "map: %s does not contain declared merge key: %s", strbuf_str(&b), key);
}

static int merge_item(JsonArena *a, const SchemaField *f, Json *list, const Json *item, Error *reterr) {
        Json *present;

        if (f->merge_key && !json_get(item, f->merge_key))
                return missing_key(item, f->merge_key, reterr);
        present = find_item(list, item, f->merge_key);
        if (is_directive(item, "delete")) {
                json_detach(present);
                return 0;
        }
        if (present && f->merge_key)
                return merge_object(a, f->message, present, item, reterr);
        if (!present)
                json_append(list, copy_plain(a, item));
        return 0;
}

static bool wants_replacement(const Json *list) {
        JSON_FOREACH(item, list)
                if (is_directive(item, "replace"))
                        return true;
        return false;
}

static int merge_list(JsonArena *a, const SchemaField *f, Json *target, const char *key, const Json *patch, Error *reterr) {
        Json *list = json_get(target, key);
        int r;

        if (!f->merges || !json_is(list, JSON_ARRAY) || wants_replacement(patch)) {
                Json *copy = copy_plain(a, patch);

                JSON_FOREACH(item, copy)
                        if (f->merge_key && item->size == 0)
                                json_detach(item); /* it was nothing but {"$patch":"replace"} */
                json_set(a, target, key, copy);
                return 0;
        }
        if (patch->size > SCHEMA_ITEMS_MAX)
                return error_set(reterr, -EINVAL, "%s has %zu items: there may be %d", key, patch->size, SCHEMA_ITEMS_MAX);
        JSON_FOREACH(item, patch) {
                r = merge_item(a, f, list, item, reterr);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* $setElementOrder: those that it names stand in its order, the others keep their place before what followed them. */
static void set_order(const SchemaField *f, Json *list, const Json *order) {
        Json *last = NULL;

        if (!json_is(list, JSON_ARRAY))
                return;
        JSON_FOREACH(named, order) {
                Json *item = find_item(list, named, f ? f->merge_key : NULL), *after;

                if (!item)
                        continue;
                after = last ? last->next : NULL;
                if (last && item != after) {
                        json_detach(item);
                        json_append(list, item);
                        /* All from `after` on go behind it. */
                        while (after && after != item) {
                                Json *next = after->next;

                                json_append(list, json_detach(after));
                                after = next;
                        }
                }
                last = item;
        }
}

static void retain_keys(Json *target, const Json *keys) {
        JSON_FOREACH(v, target) {
                bool kept = false;

                JSON_FOREACH(k, keys)
                        kept |= streq_ptr(json_string(k), v->key);
                if (!kept)
                        json_detach(v);
        }
}

/* Directives that stand beside the fields. 1 when it was one. */
static int take_directive(Json *target, const Json *v) {
        const char *name;

        if (v->key[0] != '$')
                return 0;
        if ((name = startswith(v->key, DELETE)))
                JSON_FOREACH(gone, v)
                        json_detach(find_item(json_get(target, name), gone, NULL));
        else if (streq(v->key, "$retainKeys"))
                retain_keys(target, v);
        return 1;
}

static int merge_member(JsonArena *a, const SchemaMessage *m, Json *target, const Json *v, Error *reterr) {
        const SchemaField *f = schema_field(m, v->key);
        Json *present = json_get(target, v->key);

        if (v->type == JSON_NULL) {
                json_detach(present);
                return 0;
        }
        if (f && f->list && v->type == JSON_ARRAY)
                return merge_list(a, f, target, v->key, v, reterr);
        if (v->type == JSON_OBJECT && json_is(present, JSON_OBJECT) && !is_directive(v, "replace"))
                return merge_object(a, f && f->type == SCHEMA_MESSAGE && !f->map ? f->message : NULL, present, v, reterr);
        json_set(a, target, v->key, copy_plain(a, v));
        return 0;
}

static int merge_object(JsonArena *a, const SchemaMessage *m, Json *target, const Json *patch, Error *reterr) {
        const Json *what = json_get(patch, "$patch");
        const char *name;
        int r;

        if (what && !is_directive(patch, "delete") && !is_directive(patch, "replace") && !is_directive(patch, "merge"))
                return error_set(reterr, -EINVAL, "unknown patch type: %s in map", what->text ? what->text : "");
        if (is_directive(patch, "delete") || is_directive(patch, "replace"))
                while (target->first)
                        json_detach(target->first);
        if (is_directive(patch, "delete"))
                return 0;
        JSON_FOREACH(v, patch) {
                if (take_directive(target, v))
                        continue;
                r = merge_member(a, m, target, v, reterr);
                if (r < 0)
                        return r;
        }
        JSON_FOREACH(v, patch)
                if ((name = startswith(v->key, ORDER)))
                        set_order(schema_field(m, name), json_get(target, name), v);
        return 0;
}

int patch_strategic(JsonArena *a, const SchemaMessage *schema, Json *target, const Json *patch, Json **ret, Error *reterr) {
        if (!json_is(patch, JSON_OBJECT))
                return error_set(reterr, -EINVAL, "error decoding patch: json: cannot unmarshal a value that is no object into Go value of type map[string]interface {}");
        *ret = target;
        return merge_object(a, schema, target, patch, reterr);
}
