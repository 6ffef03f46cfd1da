/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/requirement.h"

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

static const char *const names[_OPERATOR_MAX] = {
        [OPERATOR_IN] = "In",         [OPERATOR_NOT_IN] = "NotIn", [OPERATOR_EXISTS] = "Exists", [OPERATOR_DOES_NOT_EXIST] = "DoesNotExist",
        [OPERATOR_GT] = "Gt",         [OPERATOR_LT] = "Lt",
};

Operator operator_from_string(const char *s) {
        for (Operator o = 0; s && o < _OPERATOR_MAX; o++)
                if (streq(names[o], s))
                        return o;
        return _OPERATOR_INVALID;
}

static size_t size_of(const Json *v) {
        return v ? v->size : 0;
}

/* Room for that many more. */
static int reserve(Requirements *r, size_t more) {
        Requirement *items;

        if (more == 0)
                return 0;
        items = realloc(r->items, (r->n_items + more) * sizeof(Requirement));
        if (!items)
                return -ENOMEM;
        r->items = items;
        return 0;
}

static int add(Requirements *r, Requirement q, const Json *values) {
        q.values = size_of(values) > 0 ? new0(const char*, values->size) : NULL;
        if (size_of(values) > 0 && !q.values)
                return -ENOMEM;
        JSON_FOREACH(v, values)
                q.values[q.n_values++] = strempty(json_string(v));
        r->items[r->n_items++] = q;
        return 0;
}

static int add_expressions(Requirements *r, const Json *expressions, bool of_name) {
        int e;

        JSON_FOREACH(x, expressions) {
                Requirement q = { .key = strempty(json_string(json_get(x, "key"))), .of_name = of_name };

                q.operator = operator_from_string(json_string(json_get(x, "operator")));
                /* The front door lets no other through; from elsewhere such a requirement holds for nothing. */
                r->never |= (int) q.operator < 0;
                if (q.operator == OPERATOR_GT || q.operator == OPERATOR_LT)
                        r->never |= parse_i64(strempty(json_string(json_item(json_get(x, "values"), 0))), &q.number) < 0;
                e = add(r, q, json_get(x, "values"));
                if (e < 0)
                        return e;
        }
        return 0;
}

static int add_map(Requirements *r, const Json *map) {
        int e;

        JSON_FOREACH(v, map) {
                e = requirements_add(r, v->key, strempty(json_string(v)));
                if (e < 0)
                        return e;
        }
        return 0;
}

int requirements_add(Requirements *r, const char *key, const char *value) {
        const char **values;
        int e;

        e = reserve(r, 1);
        if (e < 0)
                return e;
        values = new0(const char*, 1);
        if (!values)
                return -ENOMEM;
        values[0] = value;
        r->items[r->n_items++] = (Requirement) { .key = key, .operator = OPERATOR_IN, .values = values, .n_values = 1 };
        return 0;
}

int requirements_read_selector(Requirements *r, const Json *selector) {
        const Json *expressions = json_get(selector, "matchExpressions");
        int e;

        *r = (Requirements) { .never = !selector };
        e = add_map(r, json_get(selector, "matchLabels"));
        if (e >= 0)
                e = reserve(r, size_of(expressions));
        return e < 0 ? e : add_expressions(r, expressions, false);
}

int requirements_read_term(Requirements *r, const Json *term) {
        const Json *labels = json_get(term, "matchExpressions"), *fields = json_get(term, "matchFields");
        int e;

        *r = (Requirements) { .never = size_of(labels) + size_of(fields) == 0 };
        e = reserve(r, size_of(labels) + size_of(fields));
        if (e >= 0)
                e = add_expressions(r, labels, false);
        return e < 0 ? e : add_expressions(r, fields, true);
}

int requirements_read_map(Requirements *r, const Json *map) {
        *r = (Requirements) {};
        return add_map(r, map);
}

void requirements_done(Requirements *r) {
        for (size_t i = 0; i < r->n_items; i++)
                free(r->items[i].values);
        free(r->items);
        *r = (Requirements) {};
}

static bool is_among(const Requirement *q, const char *value) {
        for (size_t i = 0; i < q->n_values; i++)
                if (streq(q->values[i], value))
                        return true;
        return false;
}

static bool holds(const Requirement *q, const char *value) {
        int64_t number;

        switch (q->operator) {
        case OPERATOR_IN:
                return value && is_among(q, value);
        case OPERATOR_NOT_IN:
                return !value || !is_among(q, value);
        case OPERATOR_EXISTS:
                return value;
        case OPERATOR_DOES_NOT_EXIST:
                return !value;
        default:
                if (!value || parse_i64(value, &number) < 0)
                        return false;
                return q->operator == OPERATOR_GT ? number > q->number : number < q->number;
        }
}

static bool is_of_names(const Requirement *q) {
        return q->of_name && q->operator == OPERATOR_IN;
}

bool requirements_have_names(const Requirements *r) {
        for (size_t i = 0; i < r->n_items; i++)
                if (is_of_names(&r->items[i]))
                        return true;
        return false;
}

bool requirements_admit_name(const Requirements *r, const char *name) {
        for (size_t i = 0; i < r->n_items; i++)
                if (is_of_names(&r->items[i]) && !is_among(&r->items[i], name))
                        return false;
        return true;
}

bool requirements_hold(const Requirements *r, label_of_t label_of, const void *of) {
        if (r->never)
                return false;
        for (size_t i = 0; i < r->n_items; i++)
                if (!holds(&r->items[i], label_of(of, r->items[i].key, r->items[i].of_name)))
                        return false;
        return true;
}
