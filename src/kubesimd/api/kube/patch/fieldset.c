/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/patch/fieldset.h"

#include <stdio.h>

#include "basic/string-util.h"

#define PATH_MAX_LETTERS 1000

/* --- How a value is taken apart --- */

typedef enum Shape {
        SHAPE_WHOLE,  /* one value */
        SHAPE_OBJECT, /* member by member */
        SHAPE_KEYED,  /* a list of objects by their keys */
        SHAPE_SET,    /* a list of scalars */
} Shape;

static Shape shape_of(const SchemaField *f, const Json *v) {
        if (v->type == JSON_OBJECT) {
                if (f && (f->atomic || (!f->map && f->message && f->message->atomic)))
                        return SHAPE_WHOLE;
                return f && !f->map && f->type != SCHEMA_MESSAGE ? SHAPE_WHOLE : SHAPE_OBJECT;
        }
        if (v->type == JSON_ARRAY && f && f->list_keys)
                return SHAPE_KEYED;
        return v->type == JSON_ARRAY && f && f->set ? SHAPE_SET : SHAPE_WHOLE;
}

/* The type of what is inside: members of an object, items of a keyed list. */
static const SchemaMessage *inner_type(const SchemaField *f) {
        return f && f->type == SCHEMA_MESSAGE && !f->map ? f->message : NULL;
}

/* The i-th of "a,b"; false at the end. */
static bool next_key(const char **keys, char *buf, size_t size) {
        size_t n = strcspn(*keys, ",");

        if (n == 0 || n >= size)
                return false;
        memcpy(buf, *keys, n);
        buf[n] = '\0';
        *keys += n + ((*keys)[n] == ',');
        return true;
}

/* k:{"containerPort":80,"protocol":"TCP"} */
static void put_item_name(const SchemaField *f, const Json *item, StrBuf *b) {
        const char *keys = f->list_keys;
        bool first = true;
        char key[64];

        strbuf_puts(b, "k:{");
        while (next_key(&keys, key, sizeof(key))) {
                const Json *v = json_get(item, key);

                strbuf_printf(b, "%s\"%s\":", first ? "" : ",", key);
                if (v)
                        json_put(b, v);
                else
                        strbuf_puts(b, streq(key, "protocol") ? "\"TCP\"" : "null"); /* the only key with a default */
                first = false;
        }
        strbuf_putc(b, '}');
}

static void put_value_name(const Json *item, StrBuf *b) {
        strbuf_puts(b, "v:");
        json_put(b, item);
}

static Json *find_item(const SchemaField *f, const Json *list, const char *name) {
        JSON_FOREACH(item, list) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);

                if (f->list_keys)
                        put_item_name(f, item, &b);
                else
                        put_value_name(item, &b);
                if (streq(strbuf_str(&b), name))
                        return item;
        }
        return NULL;
}

/* --- Building --- */

/* What of the metadata is not a client's to own. */
static bool is_system(const SchemaMessage *m, const char *key) {
        static const char *const metadata[] = {
                "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink", "managedFields", "deletionTimestamp",
                "deletionGracePeriodSeconds", "generateName",
        };

        if (!m || !streq(m->name, "meta.v1.ObjectMeta"))
                return false;
        for (size_t i = 0; i < ELEMENTSOF(metadata); i++)
                if (streq(metadata[i], key))
                        return true;
        return false;
}

static Json *build_object(JsonArena *a, const SchemaMessage *m, const Json *v, const Json *old);

/* The set of a value that differs from `old` (NULL: all of it is new); NULL for nothing. */
static Json *build_value(JsonArena *a, const SchemaField *f, const Json *v, const Json *old) {
        Shape shape = shape_of(f, v);
        Json *set, *inner;

        if (old && json_equal(v, old))
                return NULL;
        if (shape != SHAPE_WHOLE && v->size == 0 && old && old->type == v->type)
                return NULL; /* nothing is merged into what is there */
        if (shape == SHAPE_WHOLE || v->size == 0)
                return json_new(a, JSON_OBJECT);
        if (shape == SHAPE_OBJECT)
                return build_object(a, inner_type(f), v, json_is(old, JSON_OBJECT) ? old : NULL);
        set = json_new(a, JSON_OBJECT);
        JSON_FOREACH(item, v) {
                _cleanup_strbuf_ StrBuf name = STRBUF_INIT(4 * KIB);
                const Json *before;

                if (shape == SHAPE_KEYED)
                        put_item_name(f, item, &name);
                else
                        put_value_name(item, &name);
                before = find_item(f, old, strbuf_str(&name));
                if (before && json_equal(before, item))
                        continue;
                inner = shape == SHAPE_KEYED ? build_object(a, inner_type(f), item, before) : json_new(a, JSON_OBJECT);
                if (shape == SHAPE_KEYED && !before)
                        json_set(a, inner, ".", json_new(a, JSON_OBJECT));
                if (inner)
                        json_set(a, set, strbuf_str(&name), inner);
        }
        return set && set->size > 0 ? set : NULL;
}

static Json *build_object(JsonArena *a, const SchemaMessage *m, const Json *v, const Json *old) {
        Json *set = json_new(a, JSON_OBJECT);

        JSON_FOREACH(member, v) {
                char name[300];
                Json *inner;

                if (is_system(m, member->key) || snprintf(name, sizeof(name), "f:%s", member->key) >= (int) sizeof(name))
                        continue;
                inner = build_value(a, schema_field(m, member->key), member, json_get(old, member->key));
                if (inner)
                        json_set(a, set, name, inner);
        }
        return set && set->size > 0 ? set : NULL;
}

static Json *build(JsonArena *a, const SchemaMessage *schema, const Json *object, const Json *old) {
        static const char *const type[] = { "f:apiVersion", "f:kind" };
        static const SchemaMessage metadata = { .name = "meta.v1.ObjectMeta" };
        Json *set = build_object(a, schema, object, old), *inner;

        for (size_t i = 0; i < ELEMENTSOF(type); i++)
                json_remove(set, type[i]);
        if (!schema) { /* its metadata has a type all the same */
                json_remove(set, "f:metadata");
                inner = build_object(a, schema_find(metadata.name), json_get(object, "metadata"), json_get(old, "metadata"));
                if (inner && set)
                        json_set(a, set, "f:metadata", inner);
        }
        return set ? set : json_new(a, JSON_OBJECT);
}

Json *fieldset_of(JsonArena *a, const SchemaMessage *schema, const Json *object) {
        return build(a, schema, object, NULL);
}

Json *fieldset_changed(JsonArena *a, const SchemaMessage *schema, const Json *object, const Json *old) {
        return build(a, schema, object, old);
}

/* --- Algebra --- */

static bool is_member(const Json *x) {
        return x->size == 0 || json_get(x, ".");
}

void fieldset_add(JsonArena *a, Json *x, const Json *y) {
        JSON_FOREACH(v, y) {
                Json *mine = json_get(x, v->key);

                if (!mine)
                        json_set(a, x, v->key, json_copy(a, v));
                else if (v->size > 0) {
                        if (mine->size == 0)
                                json_set(a, mine, ".", json_new(a, JSON_OBJECT));
                        fieldset_add(a, mine, v);
                } else if (mine->size > 0)
                        json_set(a, mine, ".", json_new(a, JSON_OBJECT));
        }
}

void fieldset_subtract(Json *x, const Json *y) {
        JSON_FOREACH(v, y) {
                Json *mine = json_get(x, v->key);

                if (!mine)
                        continue;
                if (mine->size == 0) {
                        if (is_member(v))
                                json_detach(mine);
                        continue;
                }
                if (v->size == 0)
                        json_remove(mine, ".");
                else
                        fieldset_subtract(mine, v);
                if (mine->size == 0)
                        json_detach(mine);
        }
}

Json *fieldset_common(JsonArena *a, const Json *x, const Json *y) {
        Json *set = json_new(a, JSON_OBJECT);

        JSON_FOREACH(v, x) {
                const Json *theirs = json_get(y, v->key);
                Json *inner;

                if (!theirs)
                        continue;
                if (v->size == 0 || theirs->size == 0) {
                        if (is_member(v) && is_member(theirs))
                                json_set(a, set, v->key, json_new(a, JSON_OBJECT));
                        continue;
                }
                inner = fieldset_common(a, v, theirs);
                if (inner && inner->size > 0)
                        json_set(a, set, v->key, inner);
        }
        return set;
}

bool fieldset_is_valid(const Json *x) {
        if (!json_is(x, JSON_OBJECT))
                return false;
        JSON_FOREACH(v, x)
                if ((!streq(v->key, ".") && !startswith(v->key, "f:") && !startswith(v->key, "k:{") && !startswith(v->key, "v:")) || !fieldset_is_valid(v))
                        return false;
        return true;
}

/* 'name="c",x=1' of '{"name":"c","x":1}'. */
static void put_keys(StrBuf *b, const char *object) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char *copy = json_arena_copy(&a, object, strlen(object));
        Json *keys;

        if (!copy || json_tree_parse(&a, copy, strlen(object), &keys, NULL) < 0)
                return;
        JSON_FOREACH(v, keys) {
                strbuf_puts(b, v->prev ? "," : "");
                strbuf_puts(b, strempty(v->key));
                strbuf_putc(b, '=');
                json_put(b, v);
        }
}

/* '[name="c"]' of 'k:{"name":"c"}', '[="x"]' of 'v:"x"', '.a' of 'f:a'. */
static size_t put_step(char *path, size_t at, const char *name) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(PATH_MAX_LETTERS);
        size_t n;

        if (startswith(name, "f:"))
                strbuf_printf(&b, ".%s", name + 2);
        else if (startswith(name, "v:"))
                strbuf_printf(&b, "[=%s]", name + 2);
        else if (startswith(name, "k:")) {
                strbuf_putc(&b, '[');
                put_keys(&b, name + 2);
                strbuf_putc(&b, ']');
        }
        n = MIN(b.size, PATH_MAX_LETTERS - 1 - at);
        memcpy(path + at, strbuf_str(&b), n);
        path[at + n] = '\0';
        return at + n;
}

static void each(const Json *x, char *path, size_t at, void (*visit)(const char *path, void *userdata), void *userdata) {
        JSON_FOREACH(v, x) {
                size_t end;

                if (streq(v->key, "."))
                        continue;
                end = put_step(path, at, v->key);
                if (is_member(v))
                        visit(path, userdata);
                each(v, path, end, visit, userdata);
                path[at] = '\0';
        }
}

void fieldset_each(const Json *x, void (*visit)(const char *path, void *userdata), void *userdata) {
        char path[PATH_MAX_LETTERS] = "";

        each(x, path, 0, visit, userdata);
}

/* --- Items that are there twice --- */

static bool find_in_object(JsonArena *a, const SchemaMessage *m, const Json *v, char *path, size_t at, StrBuf *b);

static bool find_in_list(JsonArena *a, const SchemaField *f, const Json *list, Shape shape, char *path, size_t at, StrBuf *b) {
        Json *seen = json_new(a, JSON_OBJECT);

        JSON_FOREACH(item, list) {
                _cleanup_strbuf_ StrBuf name = STRBUF_INIT(4 * KIB);
                size_t end;

                if (shape == SHAPE_KEYED)
                        put_item_name(f, item, &name);
                else
                        put_value_name(item, &name);
                end = put_step(path, at, strbuf_str(&name));
                if (json_get(seen, strbuf_str(&name))) {
                        strbuf_printf(b, "%.*s: duplicate entries for key %s", (int) at, path, path + at);
                        return true;
                }
                json_set_bool(a, seen, strbuf_str(&name), true);
                if (shape == SHAPE_KEYED && find_in_object(a, inner_type(f), item, path, end, b))
                        return true;
        }
        return false;
}

static bool find_in_object(JsonArena *a, const SchemaMessage *m, const Json *v, char *path, size_t at, StrBuf *b) {
        JSON_FOREACH(member, v) {
                const SchemaField *f = schema_field(m, member->key);
                Shape shape = shape_of(f, member);
                char name[300];
                size_t end;

                if (shape == SHAPE_WHOLE || snprintf(name, sizeof(name), "f:%s", member->key) >= (int) sizeof(name))
                        continue;
                end = put_step(path, at, name);
                if (shape == SHAPE_OBJECT ? find_in_object(a, inner_type(f), member, path, end, b) : find_in_list(a, f, member, shape, path, end, b))
                        return true;
        }
        return false;
}

bool fieldset_find_duplicate(JsonArena *a, const SchemaMessage *schema, const Json *object, StrBuf *b) {
        char path[PATH_MAX_LETTERS] = "";

        return find_in_object(a, schema, object, path, 0, b);
}

/* --- Merging and removing --- */

static void merge_list(JsonArena *a, const SchemaField *f, Json *list, const Json *applied, Shape shape) {
        JSON_FOREACH(item, applied) {
                _cleanup_strbuf_ StrBuf name = STRBUF_INIT(4 * KIB);
                Json *mine;

                if (shape == SHAPE_KEYED)
                        put_item_name(f, item, &name);
                else
                        put_value_name(item, &name);
                mine = find_item(f, list, strbuf_str(&name));
                if (!mine)
                        json_append(list, json_copy(a, item));
                else if (shape == SHAPE_KEYED)
                        fieldset_merge(a, inner_type(f), mine, item);
        }
}

void fieldset_merge(JsonArena *a, const SchemaMessage *schema, Json *object, const Json *applied) {
        JSON_FOREACH(v, applied) {
                const SchemaField *f = schema_field(schema, v->key);
                Json *mine = json_get(object, v->key);
                Shape shape = shape_of(f, v);

                if (!mine || mine->type != v->type || shape == SHAPE_WHOLE)
                        json_set(a, object, v->key, json_copy(a, v));
                else if (shape == SHAPE_OBJECT)
                        fieldset_merge(a, inner_type(f), mine, v);
                else
                        merge_list(a, f, mine, v, shape);
        }
}

void fieldset_remove(JsonArena *a, const SchemaMessage *schema, Json *object, const Json *set) {
        JSON_FOREACH(v, set) {
                const SchemaField *f = startswith(v->key, "f:") ? schema_field(schema, v->key + 2) : NULL;
                Json *mine = startswith(v->key, "f:") ? json_get(object, v->key + 2) : NULL;

                if (!mine)
                        continue;
                if (v->size == 0) {
                        json_detach(mine);
                        continue;
                }
                if (mine->type == JSON_ARRAY && f) {
                        JSON_FOREACH(step, v) {
                                Json *item = find_item(f, mine, step->key);

                                if (item && is_member(step))
                                        json_detach(item);
                                else if (item)
                                        fieldset_remove(a, inner_type(f), item, step);
                        }
                } else
                        fieldset_remove(a, inner_type(f), mine, v);
                if (mine->size == 0 && (mine->type == JSON_ARRAY || mine->type == JSON_OBJECT))
                        json_detach(mine);
        }
}
