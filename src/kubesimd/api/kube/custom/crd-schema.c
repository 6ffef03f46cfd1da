/* SPDX-License-Identifier: Apache-2.0 */
/* Is a schema structural, and what may not stand in one? Rules and words: Kubernetes documentation, "Specifying a structural schema";
 * apiextensions-apiserver, pkg/apiserver/schema and pkg/apis/apiextensions/validation. */
#include <stdarg.h>
#include <stdio.h>

#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/pattern.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/crd.h"
#include "kubesimd/api/kube/types/schema.h"

#define PATH_MAX_LETTERS 1000

/* Where a schema stands decides what it may have. */
typedef enum Level {
        LEVEL_ROOT,
        LEVEL_FIELD,
        LEVEL_ITEM,
        LEVEL_INNER, /* in allOf, anyOf, oneOf, not: it may only restrict */
} Level;

typedef struct Check {
        JsonArena *arena;
        Json *errors;
        char path[PATH_MAX_LETTERS];
        size_t size;
        unsigned n_nodes;
} Check;

static size_t enter(Check *c, const char *format, ...) _printf_(2, 3);
static size_t enter(Check *c, const char *format, ...) {
        size_t before = c->size;
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(c->path + before, sizeof(c->path) - before, format, ap);
        va_end(ap);
        c->size = n < 0 ? before : MIN(before + (size_t) n, sizeof(c->path) - 1);
        return before;
}

static void leave(Check *c, size_t before) {
        c->size = before;
        c->path[before] = '\0';
}

/* Tells of the member of that name. */
static void say(Check *c, const char *reason, const char *key, const char *format, ...) _printf_(4, 5);
static void say(Check *c, const char *reason, const char *key, const char *format, ...) {
        size_t before = enter(c, ".%s", key);
        char message[1024];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        crd_error(c->arena, c->errors, reason, c->path, message);
        leave(c, before);
}

static void forbid(Check *c, const char *key, const char *why) {
        say(c, "FieldValueForbidden", key, "Forbidden: %s", why);
}

static void require(Check *c, const char *key, const char *why) {
        say(c, "FieldValueRequired", key, "Required value: %s", why);
}

static void invalid(Check *c, const char *key, const Json *v, const char *why) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(512);

        json_put(&b, v);
        say(c, "FieldValueInvalid", key, "Invalid value: %s: %s", strbuf_error(&b) < 0 ? "\"...\"" : strbuf_str(&b), why);
}

static const char *text(const Json *schema, const char *key) {
        return strempty(json_string(json_get(schema, key)));
}

static bool flag(const Json *schema, const char *key) {
        return json_is_true(json_get(schema, key));
}

/* --- What no schema may have --- */

static void check_forbidden(Check *c, const Json *schema) {
        static const struct {
                const char *key, *why;
        } unsupported[] = {
                { "$ref", "$ref is not supported" },                       { "definitions", "definitions is not supported" },
                { "dependencies", "dependencies is not supported" },       { "patternProperties", "patternProperties is not supported" },
                { "additionalItems", "additionalItems is not supported" }, { "id", "id is not supported" },
                { "$schema", "$schema is not supported" },
        };

        for (size_t i = 0; i < ELEMENTSOF(unsupported); i++)
                if (json_get(schema, unsupported[i].key))
                        forbid(c, unsupported[i].key, unsupported[i].why);
        if (flag(schema, "uniqueItems"))
                forbid(c, "uniqueItems", "uniqueItems cannot be set to true since the runtime complexity becomes quadratic");
        if (json_is(json_get(schema, "additionalProperties"), JSON_BOOL) && !flag(schema, "additionalProperties"))
                forbid(c, "additionalProperties", "additionalProperties cannot be set to false");
        if (json_get(schema, "additionalProperties") && json_get(schema, "properties"))
                forbid(c, "additionalProperties", "additionalProperties and properties are mutual exclusive");
        if (json_is(json_get(schema, "items"), JSON_ARRAY))
                forbid(c, "items", "items must be a schema object and not an array");
}

static void check_type(Check *c, const Json *schema) {
        static const char *const types[] = { "array", "boolean", "integer", "number", "object", "string" };
        const char *type = text(schema, "type");
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(512);

        if (*type == '\0')
                return;
        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (streq(types[i], type))
                        return;
        if (streq(type, "null")) {
                forbid(c, "type", "type cannot be set to null, use nullable as an alternative");
                return;
        }
        json_put_string(&b, type);
        say(c, "FieldValueNotSupported", "type",
            "Unsupported value: %s: supported values: \"array\", \"boolean\", \"integer\", \"number\", \"object\", \"string\"", strbuf_str(&b));
}

static void check_pattern(Check *c, const Json *schema) {
        const char *pattern = json_string(json_get(schema, "pattern"));
        _cleanup_(pattern_freep) Pattern *p = NULL;
        _cleanup_error_ Error error = ERROR_NULL;
        char why[600];
        int r;

        r = pattern ? pattern_new(pattern, &p, &error) : 0;
        if (r == -ENOMEM)
                c->arena->error = r; /* no fault of the pattern's */
        if (r >= 0 || r == -ENOMEM)
                return;
        (void) snprintf(why, sizeof(why), "must be a valid regular expression, but isn't: %s", error_message(&error));
        invalid(c, "pattern", json_get(schema, "pattern"), why);
}

/* --- Lists --- */

static bool is_required(const Json *schema, const char *key) {
        JSON_FOREACH(r, json_get(schema, "required"))
                if (streq_ptr(json_string(r), key))
                        return true;
        return false;
}

static bool is_scalar(const Json *schema) {
        const char *type = text(schema, "type");

        return flag(schema, "x-kubernetes-int-or-string") || (*type && !streq(type, "object") && !streq(type, "array"));
}

static void check_map_keys(Check *c, const Json *schema) {
        const Json *keys = json_get(schema, "x-kubernetes-list-map-keys"), *items = json_get(schema, "items");

        if (!keys || keys->size == 0) {
                require(c, "x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map");
                return;
        }
        if (!streq(text(items, "type"), "object")) {
                say(c, "FieldValueInvalid", "items.type", "Invalid value: \"%s\": must be object if parent array's x-kubernetes-list-type is map",
                    text(items, "type"));
                return;
        }
        JSON_FOREACH(key, keys) {
                const char *name = strempty(json_string(key));
                const Json *property = json_get(json_get(items, "properties"), name);
                size_t before;

                if (!property) {
                        invalid(c, "x-kubernetes-list-map-keys", keys, "entries must all be names of item properties");
                        continue;
                }
                before = enter(c, ".items.properties[%s]", name);
                if (!is_scalar(property))
                        invalid(c, "type", json_get(property, "type"), "must be a scalar type if parent array's x-kubernetes-list-type is map");
                if (!is_required(items, name) && !json_get(property, "default"))
                        require(c, "default", "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property");
                leave(c, before);
        }
}

static void check_list_type(Check *c, const Json *schema) {
        const char *type = json_string(json_get(schema, "x-kubernetes-list-type")), *map = json_string(json_get(schema, "x-kubernetes-map-type"));
        const Json *items = json_get(schema, "items");

        if (type && !streq(type, "atomic") && !streq(type, "set") && !streq(type, "map"))
                say(c, "FieldValueNotSupported", "x-kubernetes-list-type",
                    "Unsupported value: \"%.200s\": supported values: \"atomic\", \"map\", \"set\"", type);
        else if (type && !streq(text(schema, "type"), "array"))
                invalid(c, "type", json_get(schema, "type"), "must be array if x-kubernetes-list-type is specified");
        else if (streq_ptr(type, "map"))
                check_map_keys(c, schema);
        else if (streq_ptr(type, "set") && items && !is_scalar(items) && !streq(text(items, "x-kubernetes-map-type"), "atomic") &&
                 !streq(text(items, "x-kubernetes-list-type"), "atomic"))
                invalid(c, "items", json_get(items, "type"), "must be scalar or atomic as item of an array of x-kubernetes-list-type set");
        if (json_get(schema, "x-kubernetes-list-map-keys") && !streq_ptr(type, "map"))
                say(c, "FieldValueInvalid", "x-kubernetes-list-type", "Invalid value: \"%.200s\": must be map if x-kubernetes-list-map-keys is non-empty",
                    strempty(type));
        if (map && !streq(map, "atomic") && !streq(map, "granular"))
                say(c, "FieldValueNotSupported", "x-kubernetes-map-type", "Unsupported value: \"%.200s\": supported values: \"atomic\", \"granular\"", map);
        else if (map && !streq(text(schema, "type"), "object"))
                invalid(c, "type", json_get(schema, "type"), "must be object if x-kubernetes-map-type is specified");
}

/* --- Structure --- */

static void check_has_type(Check *c, const Json *schema, Level level) {
        static const char *const why[] = {
                [LEVEL_ROOT] = "must not be empty at the root", [LEVEL_FIELD] = "must not be empty for specified object fields",
                [LEVEL_ITEM] = "must not be empty for specified array items",
        };
        const char *type = text(schema, "type");
        bool embedded = flag(schema, "x-kubernetes-embedded-resource"), either = flag(schema, "x-kubernetes-int-or-string");

        if (embedded && !streq(type, "object")) {
                if (*type)
                        invalid(c, "type", json_get(schema, "type"), "must be object if x-kubernetes-embedded-resource is true");
                else
                        require(c, "type", "must be object if x-kubernetes-embedded-resource is true");
        } else if (*type == '\0' && !either && (!crd_preserves(schema) || level == LEVEL_ROOT))
                require(c, "type", why[level]);
        if (level == LEVEL_ROOT && *type && !streq(type, "object"))
                invalid(c, "type", json_get(schema, "type"), "must be object at the root");
        if (either && *type)
                invalid(c, "type", json_get(schema, "type"), "must be empty if x-kubernetes-int-or-string is true");
        if (either && crd_preserves(schema))
                invalid(c, "x-kubernetes-preserve-unknown-fields", json_get(schema, "x-kubernetes-preserve-unknown-fields"),
                        "must be false if x-kubernetes-int-or-string is true");
        if (streq(type, "array") && !json_get(schema, "items"))
                require(c, "items", "must be specified");
        if (embedded && !crd_preserves(schema) && !json_get(schema, "properties"))
                require(c, "properties", "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields");
        if (embedded && json_get(schema, "additionalProperties"))
                invalid(c, "additionalProperties", json_get(schema, "additionalProperties"), "must not be used if x-kubernetes-embedded-resource is set");
}

/* Of the metadata a schema may only restrict the names. */
static void check_metadata(Check *c, const Json *schema) {
        const Json *properties = json_get(schema, "properties"), *metadata = json_get(properties, "metadata");
        static const char *const types[] = { "apiVersion", "kind" };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (json_get(properties, types[i]) && !streq(text(json_get(properties, types[i]), "type"), "string")) {
                        size_t before = enter(c, ".properties[%s]", types[i]);

                        invalid(c, "type", json_get(json_get(properties, types[i]), "type"), "must be string");
                        leave(c, before);
                }
        if (!metadata)
                return;
        if (!streq(text(metadata, "type"), "object"))
                invalid(c, "properties[metadata].type", json_get(metadata, "type"), "must be object");
        JSON_FOREACH(p, json_get(metadata, "properties"))
                if (!streq(p->key, "name") && !streq(p->key, "generateName"))
                        forbid(c, "properties[metadata]", "must not specify anything other than name and generateName, but metadata is implicitly specified");
}

/* Inside allOf and the like nothing may be said that would change what an object is made into. */
static void check_inner(Check *c, const Json *schema) {
        static const struct {
                const char *key, *why;
        } rules[] = {
                { "description", "must be empty to be structural" },       { "title", "must be empty to be structural" },
                { "default", "must be undefined to be structural" },       { "additionalProperties", "must be undefined to be structural" },
                { "nullable", "must be false to be structural" },          { "x-kubernetes-preserve-unknown-fields", "must be false to be structural" },
                { "x-kubernetes-embedded-resource", "must be false to be structural" }, { "x-kubernetes-list-type", "must be undefined to be structural" },
                { "x-kubernetes-int-or-string", "must be false to be structural" }, { "x-kubernetes-list-map-keys", "must be empty to be structural" },
                { "x-kubernetes-map-type", "must be undefined to be structural" },
        };

        for (size_t i = 0; i < ELEMENTSOF(rules); i++) {
                const Json *v = json_get(schema, rules[i].key);

                if (v && !(v->type == JSON_BOOL && !v->boolean))
                        forbid(c, rules[i].key, rules[i].why);
        }
}

/* anyOf: [{type: integer}, {type: string}] is how an integer or string is written, in one of two places. */
static bool is_int_or_string(const Json *any) {
        return any && any->size == 2 && streq(text(any->first, "type"), "integer") && streq(text(any->last, "type"), "string");
}

static void check_schema(Check *c, const Json *schema, const Json *outer, Level level, bool typed);

/* The members of an inner schema must be of the outer one too, so that their types are known. */
static void check_properties(Check *c, const Json *schema, const Json *outer, Level level) {
        JSON_FOREACH(p, json_get(schema, "properties")) {
                size_t before = enter(c, ".properties[%s]", p->key);
                const Json *of = outer ? crd_member(outer, p->key) : NULL;

                if (level == LEVEL_INNER && !of && !crd_preserves(outer))
                        crd_error(c->arena, c->errors, "FieldValueRequired", c->path, "Required value: because it is defined in a nested schema, it must be "
                                  "defined in the structural one too");
                check_schema(c, p, of, level == LEVEL_INNER ? LEVEL_INNER : LEVEL_FIELD, false);
                leave(c, before);
        }
}

static void check_lists(Check *c, const Json *schema, const Json *outer, bool either) {
        static const char *const lists[] = { "allOf", "anyOf", "oneOf" };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++) {
                const Json *list = json_get(schema, lists[i]);
                bool typed = either && (is_int_or_string(list) || (i == 0 && list && is_int_or_string(json_get(list->first, "anyOf"))));
                size_t k = 0;

                JSON_FOREACH(of, list) {
                        size_t before = enter(c, ".%s[%zu]", lists[i], k++);

                        check_schema(c, of, outer, LEVEL_INNER, typed);
                        leave(c, before);
                }
        }
        if (json_get(schema, "not")) {
                size_t before = enter(c, ".not");

                check_schema(c, json_get(schema, "not"), outer, LEVEL_INNER, false);
                leave(c, before);
        }
}

static void ignore(const char *path _unused_, void *userdata _unused_) {
}

/* additionalProperties is a schema or true, so that the table of types lets anything pass: looks at it as it does at the others. */
static bool check_others(Check *c, const Json *others) {
        _cleanup_error_ Error error = ERROR_NULL;

        if (others->type == JSON_BOOL)
                return true;
        if (schema_check(c->arena, schema_find("apiextensions.v1.JSONSchemaProps"), (Json*) others, ignore, NULL, &error) >= 0)
                return true;
        say(c, "FieldValueInvalid", "additionalProperties", "Invalid value: \"\": %s", error_message(&error));
        return false;
}

static void check_children(Check *c, const Json *schema, const Json *outer, Level level, bool typed) {
        const Json *items = json_get(schema, "items"), *others = json_get(schema, "additionalProperties");
        size_t before;

        check_properties(c, schema, outer, level);
        if (json_is(items, JSON_OBJECT)) {
                before = enter(c, ".items");
                check_schema(c, items, json_get(outer, "items"), level == LEVEL_INNER ? LEVEL_INNER : LEVEL_ITEM, false);
                leave(c, before);
        }
        if (others && check_others(c, others) && others->type == JSON_OBJECT && level != LEVEL_INNER) {
                before = enter(c, ".additionalProperties");
                check_schema(c, others, NULL, LEVEL_FIELD, false);
                leave(c, before);
        }
        check_lists(c, schema, level == LEVEL_INNER ? outer : schema, flag(schema, "x-kubernetes-int-or-string") || typed);
}

/* A default is an object like any: it must be valid, and have nothing that would be pruned. */
static void note_pruned(const char *path, void *userdata) {
        const char **first = userdata;

        *first = *first ?: strdup(path);
}

static void check_default(Check *c, const Json *schema) {
        const Json *given = json_get(schema, "default");
        _cleanup_free_ char *pruned = NULL;
        Json *errors, *copy;
        size_t before;

        if (!given || c->errors->size > 0) /* a schema that is not right says nothing of values */
                return;
        before = enter(c, ".default");
        copy = json_copy(c->arena, given);
        errors = json_new(c->arena, JSON_ARRAY);
        if (copy && errors) {
                (void) crd_prune(schema, copy, flag(schema, "x-kubernetes-embedded-resource"), note_pruned, &pruned, NULL);
                crd_default(c->arena, schema, copy);
                crd_validate(c->arena, schema, copy, NULL, c->path, errors);
                JSON_FOREACH(e, errors)
                        json_append(c->errors, json_detach(e));
                if (pruned)
                        crd_error(c->arena, c->errors, "FieldValueInvalid", c->path, "Invalid value: \"\": must not have unknown fields");
        }
        leave(c, before);
}

/* outer: of an inner schema, the structural one at the same place. typed: an inner schema that may say its type. */
static void check_schema(Check *c, const Json *schema, const Json *outer, Level level, bool typed) {
        if (++c->n_nodes > CRD_SCHEMA_NODES_MAX) {
                if (c->n_nodes == CRD_SCHEMA_NODES_MAX + 1)
                        crd_error(c->arena, c->errors, "FieldValueForbidden", c->path, "Forbidden: there are too many schemas in the schema");
                return;
        }
        if (schema->type != JSON_OBJECT) {
                crd_error(c->arena, c->errors, "FieldValueInvalid", c->path, "Invalid value: \"\": a schema must be an object");
                return;
        }
        check_forbidden(c, schema);
        check_type(c, schema);
        check_pattern(c, schema);
        if (level == LEVEL_INNER) {
                check_inner(c, schema);
                if (json_get(schema, "type") && !typed)
                        forbid(c, "type", "must be empty to be structural");
        } else {
                check_has_type(c, schema, level);
                check_list_type(c, schema);
        }
        if (level == LEVEL_ROOT || flag(schema, "x-kubernetes-embedded-resource"))
                check_metadata(c, schema);
        check_children(c, schema, outer, level, typed);
        if (level != LEVEL_INNER)
                check_default(c, schema);
}

void crd_check_schema(JsonArena *a, Json *schema, const char *path, Json *errors) {
        Check c = { .arena = a, .errors = errors };

        if (!errors)
                return;
        c.size = (size_t) snprintf(c.path, sizeof(c.path), "%s", path);
        check_schema(&c, schema, NULL, LEVEL_ROOT, false);
}
