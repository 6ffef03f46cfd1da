/* SPDX-License-Identifier: Apache-2.0 */
/* Custom objects against their schemas, in the words of kube-apiserver: kube-openapi, pkg/validation/validate and errors; what they are made
 * into: apiextensions-apiserver, pkg/apiserver/validation and schema/listtype. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/hashtable.h"
#include "basic/json-writer.h"
#include "basic/pattern.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/crd.h"
#include "kubesimd/api/kube/types/field-path.h"

/* Steps of patterns, and schemas looked at: about a quarter of a second. */
#define BUDGET UINT64_C(20000000)
#define SCHEMA_COST 50

/* A pattern that has been compiled for this validation. */
typedef struct Compiled {
        const char *text; /* borrowed from the schema */
        Pattern *pattern;
} Compiled;

typedef struct Check {
        JsonArena *arena;
        HashTable patterns; /* text -> Compiled, owned */
        Compiled *compiled[64];
        size_t n_compiled;
        uint64_t budget;
        FieldPath path;
} Check;

void crd_error(JsonArena *a, Json *errors, const char *reason, const char *field, const char *message) {
        Json *error;

        if (errors && errors->size >= CRD_ERRORS_MAX)
                return;
        error = json_new(a, JSON_OBJECT);
        json_set_string(a, error, "reason", reason);
        json_set_string(a, error, "message", message);
        json_set_string(a, error, "field", field);
        json_append(errors, error);
}

/* --- What to say --- */

/* "Invalid value: VALUE: PATH in body DETAIL"; value as JSON. */
static void say_invalid(Check *c, Json *errors, const char *reason, const char *value, const char *detail) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);

        strbuf_printf(&b, "Invalid value: %s: %s in body %s", value, c->path.text, detail);
        crd_error(c->arena, errors, reason, c->path.text, strbuf_str(&b));
}

static void say(Check *c, Json *errors, const Json *v, const char *format, ...) _printf_(4, 5);
static void say(Check *c, Json *errors, const Json *v, const char *format, ...) {
        _cleanup_strbuf_ StrBuf value = STRBUF_INIT(32 * KIB);
        char detail[PATTERN_LETTERS_MAX + 200];
        va_list ap;

        json_put(&value, v);
        va_start(ap, format);
        (void) vsnprintf(detail, sizeof(detail), format, ap);
        va_end(ap);
        say_invalid(c, errors, "FieldValueInvalid", strbuf_error(&value) < 0 ? "\"...\"" : strbuf_str(&value), detail);
}

static void say_size(Check *c, Json *errors, size_t n, const char *least, const char *what) {
        char number[24], detail[96];

        (void) snprintf(number, sizeof(number), "%zu", n);
        (void) snprintf(detail, sizeof(detail), "should have at least %s %s", least, what);
        say_invalid(c, errors, "FieldValueInvalid", number, detail);
}

static void say_too_many(Check *c, Json *errors, size_t n, const char *most) {
        char message[96];

        (void) snprintf(message, sizeof(message), "Too many: %zu: must have at most %s items", n, most);
        crd_error(c->arena, errors, "FieldValueTooMany", c->path.text, message);
}

/* "Invalid value: "FOUND": PATH in body must be of type WANTED: "FOUND"" */
static void say_type(Check *c, Json *errors, const char *found, const char *wanted) {
        _cleanup_strbuf_ StrBuf value = STRBUF_INIT(16 * KIB), detail = STRBUF_INIT(16 * KIB);

        json_put_string(&value, found);
        strbuf_printf(&detail, "must be of type %s: %s", wanted, strbuf_str(&value));
        say_invalid(c, errors, "FieldValueTypeInvalid", strbuf_str(&value), strbuf_str(&detail));
}

static void say_required(Check *c, Json *errors, const char *key) {
        size_t before = field_path_enter(&c->path, key, 0);

        crd_error(c->arena, errors, "FieldValueRequired", c->path.text, "Required value");
        field_path_leave(&c->path, before);
}

static void say_of_schemas(Check *c, Json *errors, const char *what) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * KIB);

        strbuf_printf(&b, "Invalid value: \"\": \"%s\" %s", c->path.text, what);
        crd_error(c->arena, errors, "FieldValueInvalid", "<nil>", strbuf_str(&b));
}

/* --- Scalars --- */

/* Larger ones are all whole, but nobody can tell which they are. */
static bool is_integral(double d) {
        return d > -9007199254740992.0 && d < 9007199254740992.0 && d == (double) (int64_t) d;
}

static bool is_whole(const Json *v) {
        return !v->text || !strpbrk(v->text, ".eE") || is_integral(strtod(v->text, NULL));
}

static const char *type_of(const Json *v) {
        static const char *const names[] = {
                [JSON_NULL] = "null", [JSON_BOOL] = "boolean", [JSON_STRING] = "string", [JSON_ARRAY] = "array", [JSON_OBJECT] = "object",
        };

        return v->type != JSON_NUMBER ? names[v->type] : is_whole(v) ? "integer" : "number";
}

static void check_type(Check *c, const Json *schema, const Json *v, Json *errors) {
        const char *wanted = json_string(json_get(schema, "type")), *found = type_of(v);

        if (json_is_true(json_get(schema, "x-kubernetes-int-or-string"))) {
                if (!streq(found, "integer") && !streq(found, "string"))
                        say_type(c, errors, found, "integer,string");
        } else if (!isempty(wanted) && !streq(wanted, found) && !(streq(wanted, "number") && streq(found, "integer")))
                say_type(c, errors, found, wanted);
}

static void check_enum(Check *c, const Json *schema, const Json *v, Json *errors) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);
        const Json *values = json_get(schema, "enum");

        if (!values)
                return;
        JSON_FOREACH(allowed, values)
                if (json_equal(allowed, v))
                        return;
        strbuf_puts(&b, "Unsupported value: ");
        json_put(&b, v);
        strbuf_puts(&b, ": supported values: ");
        JSON_FOREACH(allowed, values) {
                strbuf_puts(&b, allowed->prev ? ", " : "");
                if (allowed->type == JSON_STRING)
                        json_put(&b, allowed);
                else {
                        strbuf_putc(&b, '"');
                        json_put(&b, allowed);
                        strbuf_putc(&b, '"');
                }
        }
        crd_error(c->arena, errors, "FieldValueNotSupported", c->path.text, strbuf_str(&b));
}

static const char *compiled_key(const void *value) {
        return ((const Compiled*) value)->text;
}

/* Compiled once for each validation, as lists have many items; *ret is NULL when that cannot be. */
static Compiled *find_pattern(Check *c, const char *text) {
        Compiled *p = hashtable_get(&c->patterns, text);

        if (p)
                return p;
        if (c->n_compiled == ELEMENTSOF(c->compiled)) { /* begin again: there are rarely so many */
                for (; c->n_compiled > 0; c->n_compiled--) {
                        (void) hashtable_remove(&c->patterns, c->compiled[c->n_compiled - 1]->text);
                        pattern_free(c->compiled[c->n_compiled - 1]->pattern);
                        free(c->compiled[c->n_compiled - 1]);
                }
        }
        p = new0(Compiled, 1);
        if (!p)
                return NULL;
        p->text = text;
        if (pattern_new(text, &p->pattern, NULL) < 0 || hashtable_put(&c->patterns, p) < 0) {
                pattern_free(p->pattern);
                return mfree(p);
        }
        return c->compiled[c->n_compiled++] = p;
}

static void check_pattern(Check *c, const char *text, const Json *v, Json *errors) {
        Compiled *p = find_pattern(c, text);
        int r = p ? pattern_matches(p->pattern, v->text, v->size, &c->budget) : -ENOMEM;

        if (r == 0)
                say(c, errors, v, "should match '%s'", text);
        else if (r == -ENOMEM)
                c->arena->error = r; /* no fault of the value's */
}

static void check_string(Check *c, const Json *schema, const Json *v, Json *errors) {
        const Json *most = json_get(schema, "maxLength"), *least = json_get(schema, "minLength");
        const char *pattern = json_string(json_get(schema, "pattern")), *format = json_string(json_get(schema, "format"));
        size_t n = most || least ? utf8_length(v->text, v->size) : 0;
        char message[64];

        if (most && n > (size_t) json_i64(most, INT64_MAX)) {
                (void) snprintf(message, sizeof(message), "Too long: may not be more than %s byte%s", most->text, streq(most->text, "1") ? "" : "s");
                crd_error(c->arena, errors, "FieldValueTooLong", c->path.text, message);
        }
        if (least && n < (size_t) json_i64(least, 0))
                say(c, errors, v, "should be at least %s chars long", least->text);
        if (pattern)
                check_pattern(c, pattern, v, errors);
        if (format && !crd_format_matches(format, v->text))
                say_type(c, errors, v->text, format);
}

static void check_number(Check *c, const Json *schema, const Json *v, Json *errors) {
        const Json *most = json_get(schema, "maximum"), *least = json_get(schema, "minimum"), *factor = json_get(schema, "multipleOf");
        bool below = json_is_true(json_get(schema, "exclusiveMaximum")), above = json_is_true(json_get(schema, "exclusiveMinimum"));
        const char *format = json_string(json_get(schema, "format"));
        double d = strtod(v->text, NULL);

        if (streq_ptr(format, "int32") && !(d >= INT32_MIN && d <= INT32_MAX))
                say(c, errors, v, "must be of type int32: \"%s\"", v->text);
        else if (streq_ptr(format, "int64") && json_i64(v, 0) != json_i64(v, 1) && !(d >= -9223372036854775808.0 && d < 9223372036854775808.0))
                say(c, errors, v, "must be of type int64: \"%s\"", v->text);
        if (factor && strtod(factor->text, NULL) > 0 && !is_integral(d / strtod(factor->text, NULL)))
                say(c, errors, v, "should be a multiple of %s", factor->text);
        if (most && (below ? d >= strtod(most->text, NULL) : d > strtod(most->text, NULL)))
                say(c, errors, v, "should be less than %s%s", below ? "" : "or equal to ", most->text);
        if (least && (above ? d <= strtod(least->text, NULL) : d < strtod(least->text, NULL)))
                say(c, errors, v, "should be greater than %s%s", above ? "" : "or equal to ", least->text);
}

/* --- Lists and objects --- */

static void check_value(Check *c, const Json *schema, const Json *v, const Json *old, Json *errors);

/* What makes an item of a list that is a set or a map one of its kind, as JSON. */
static Json *item_key(Check *c, const Json *schema, const Json *item) {
        const Json *keys = json_get(schema, "x-kubernetes-list-map-keys");
        Json *key;

        if (!keys || !json_is(item, JSON_OBJECT))
                return json_copy(c->arena, item);
        key = json_new(c->arena, JSON_OBJECT);
        JSON_FOREACH(k, keys)
                if (json_get(item, strempty(json_string(k))))
                        json_set(c->arena, key, json_string(k), json_copy(c->arena, json_get(item, json_string(k))));
        return key;
}

typedef struct Item {
        const char *text; /* its key */
        size_t i;
} Item;

static int compare_items(const void *a, const void *b) {
        const Item *x = a, *y = b;
        int order = strcmp(x->text, y->text);

        return order != 0 ? order : x->i < y->i ? -1 : x->i > y->i;
}

static int compare_places(const void *a, const void *b) {
        const Item *x = a, *y = b;

        return x->i < y->i ? -1 : x->i > y->i;
}

/* The items of sets and maps are there once each: sorts them by their keys. */
static void check_unique(Check *c, const Json *schema, const Json *v, Json *errors) {
        const char *type = json_string(json_get(schema, "x-kubernetes-list-type"));
        _cleanup_free_ Item *items = NULL;
        size_t n = 0, n_twice = 0;

        if (v->size < 2 || (!streq_ptr(type, "set") && !streq_ptr(type, "map")))
                return;
        items = new0(Item, v->size);
        JSON_FOREACH(item, v) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);

                json_put(&b, item_key(c, schema, item));
                if (items)
                        items[n] = (Item) { .text = json_arena_copy(c->arena, strbuf_str(&b), b.size), .i = n };
                if (!items || !items[n++].text)
                        return; /* the arena remembers that memory ran out, or the reply will fail as well */
        }
        qsort(items, n, sizeof(Item), compare_items);
        for (size_t i = 1; i < n; i++)
                if (streq(items[i - 1].text, items[i].text))
                        items[n_twice++] = items[i];
        qsort(items, n_twice, sizeof(Item), compare_places);
        for (size_t i = 0; i < n_twice; i++) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);
                size_t before = field_path_enter(&c->path, NULL, items[i].i);

                strbuf_printf(&b, "Duplicate value: %s", items[i].text);
                crd_error(c->arena, errors, "FieldValueDuplicate", c->path.text, strbuf_str(&b));
                field_path_leave(&c->path, before);
        }
}

/* The item of the old list with the same key, for maps. */
static const Json *old_item(Check *c, const Json *schema, const Json *old, const Json *item) {
        Json *key;

        if (!json_is(old, JSON_ARRAY) || !json_get(schema, "x-kubernetes-list-map-keys"))
                return NULL;
        key = item_key(c, schema, item);
        JSON_FOREACH(o, old) {
                c->budget -= MIN(c->budget, (uint64_t) SCHEMA_COST);
                if (c->budget > 0 && json_equal(item_key(c, schema, o), key))
                        return o;
        }
        return NULL;
}

static void check_array(Check *c, const Json *schema, const Json *v, const Json *old, Json *errors) {
        const Json *most = json_get(schema, "maxItems"), *least = json_get(schema, "minItems"), *items = json_get(schema, "items");
        size_t i = 0;

        JSON_FOREACH(item, v) {
                size_t before = field_path_enter(&c->path, NULL, i++);

                if (items)
                        check_value(c, items, item, old_item(c, schema, old, item), errors);
                field_path_leave(&c->path, before);
        }
        if (least && v->size < (size_t) json_i64(least, 0))
                say_size(c, errors, v->size, least->text, "items");
        if (most && v->size > (size_t) json_i64(most, INT64_MAX))
                say_too_many(c, errors, v->size, most->text);
        check_unique(c, schema, v, errors);
}

/* An object inside an object says what it is. */
static void check_embedded(Check *c, const Json *v, Json *errors) {
        static const char *const needed[] = { "apiVersion", "kind" };

        for (size_t i = 0; i < ELEMENTSOF(needed); i++)
                if (isempty(json_string(json_get(v, needed[i])))) {
                        size_t before = field_path_enter(&c->path, needed[i], 0);

                        crd_error(c->arena, errors, "FieldValueRequired", c->path.text, "Required value: must not be empty");
                        field_path_leave(&c->path, before);
                }
}

static void check_object(Check *c, const Json *schema, const Json *v, const Json *old, Json *errors) {
        const Json *most = json_get(schema, "maxProperties"), *least = json_get(schema, "minProperties");

        if (most && v->size > (size_t) json_i64(most, INT64_MAX))
                say_too_many(c, errors, v->size, most->text);
        if (least && v->size < (size_t) json_i64(least, 0))
                say_size(c, errors, v->size, least->text, "properties");
        JSON_FOREACH(key, json_get(schema, "required"))
                if (json_string(key) && !json_get(v, json_string(key)))
                        say_required(c, errors, json_string(key));
        JSON_FOREACH(child, v) {
                const Json *of = crd_member(schema, child->key);
                size_t before = field_path_enter(&c->path, child->key, 0);

                if (of)
                        check_value(c, of, child, json_is(old, JSON_OBJECT) ? json_get(old, child->key) : NULL, errors);
                field_path_leave(&c->path, before);
        }
        if (json_is_true(json_get(schema, "x-kubernetes-embedded-resource")))
                check_embedded(c, v, errors);
}

/* --- Schemas of schemas --- */

static void take(Json *errors, const Json *more) {
        JSON_FOREACH(e, more)
                json_append(errors, json_detach(e));
}

/* How many of the alternatives hold; what is wrong with the one that is nearest goes to *ret_best. */
static size_t try_all(Check *c, const Json *schemas, const Json *v, const Json *old, Json **ret_best) {
        size_t n = 0;

        *ret_best = NULL;
        JSON_FOREACH(schema, schemas) {
                Json *errors = json_new(c->arena, JSON_ARRAY);

                check_value(c, schema, v, old, errors);
                n += errors && errors->size == 0;
                if (errors && errors->size > 0 && (!*ret_best || errors->size < (*ret_best)->size))
                        *ret_best = errors;
        }
        return n;
}

static void check_composed(Check *c, const Json *schema, const Json *v, const Json *old, Json *errors) {
        const Json *any = json_get(schema, "anyOf"), *one = json_get(schema, "oneOf"), *all = json_get(schema, "allOf"), *not = json_get(schema, "not");
        char text[96];
        Json *best;
        size_t n;

        if (any && any->size > 0 && try_all(c, any, v, old, &best) == 0) {
                say_of_schemas(c, errors, "must validate at least one schema (anyOf)");
                take(errors, best);
        }
        if (one && one->size > 0 && (n = try_all(c, one, v, old, &best)) != 1) {
                (void) snprintf(text, sizeof(text), "must validate one and only one schema (oneOf). Found %zu valid alternatives", n);
                say_of_schemas(c, errors, n == 0 ? "must validate one and only one schema (oneOf). Found none valid" : text);
                take(errors, best);
        }
        if (all && all->size > 0) {
                size_t before = errors ? errors->size : 0;

                n = 0;
                JSON_FOREACH(of, all) {
                        size_t was = errors ? errors->size : 0;

                        check_value(c, of, v, old, errors);
                        n += errors && errors->size == was;
                }
                if (errors && errors->size > before)
                        say_of_schemas(c, errors, n == 0 ? "must validate all the schemas (allOf). None validated" : "must validate all the schemas (allOf)");
        }
        if (not) {
                best = json_new(c->arena, JSON_ARRAY);
                check_value(c, not, v, NULL, best);
                if (best && best->size == 0)
                        say_of_schemas(c, errors, "must not validate the schema (not)");
        }
}

static void check_value(Check *c, const Json *schema, const Json *v, const Json *old, Json *errors) {
        if (c->budget < SCHEMA_COST || (old && json_equal(old, v)))
                return; /* the end of the budget is told in the end */
        c->budget -= SCHEMA_COST;
        if (v->type == JSON_NULL && json_is_true(json_get(schema, "nullable")))
                return;
        check_type(c, schema, v, errors);
        check_composed(c, schema, v, old, errors);
        check_enum(c, schema, v, errors);
        if (v->type == JSON_STRING)
                check_string(c, schema, v, errors);
        else if (v->type == JSON_NUMBER)
                check_number(c, schema, v, errors);
        else if (v->type == JSON_ARRAY)
                check_array(c, schema, v, old, errors);
        else if (v->type == JSON_OBJECT)
                check_object(c, schema, v, old, errors);
}

void crd_validate(JsonArena *a, const Json *schema, const Json *value, const Json *old, const char *path, Json *errors) {
        static const uint64_t no_secret[2] = { 0, 0 }; /* it has 64 entries at most */
        Check c = { .arena = a, .budget = BUDGET };

        (void) field_path_enter(&c.path, path, 0);
        hashtable_init(&c.patterns, compiled_key, no_secret);
        check_value(&c, schema, value, old, errors);
        if (c.budget < SCHEMA_COST)
                crd_error(a, errors, "FieldValueInvalid", "<nil>", "Invalid value: \"\": it takes too long to compare the object with its schema");
        for (size_t i = 0; i < c.n_compiled; i++) {
                pattern_free(c.compiled[i]->pattern);
                free(c.compiled[i]);
        }
        hashtable_done(&c.patterns);
}
