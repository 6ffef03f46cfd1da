/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/check/check.h"

#include <stdio.h>

#include "basic/string-util.h"

/* A value that a check is of. */
typedef struct Spot {
        const char *field;
        const Json *value, *parent;  /* either may be NULL */
        const Json *old;             /* what it was; NULL below lists */
        bool update;                 /* is `old` known? */
} Spot;

static void look_all(KubeWrite *w, const Check *checks, const char *field, const Json *object, const Json *old, bool update);

/* --- Conditions --- */

static bool is_empty(const Json *v) {
        return !v || json_is(v, JSON_NULL) || ((json_is(v, JSON_STRING) || json_is(v, JSON_ARRAY) || json_is(v, JSON_OBJECT)) && v->size == 0);
}

/* An object is there even if nothing is in it. */
static bool is_there(const Json *v) {
        return v && (json_is(v, JSON_OBJECT) || !is_empty(v));
}

/* Is it one of "A|B"? */
static bool is_listed(const char *value, const char *list, size_t n) {
        size_t size = strlen(value);

        for (const char *p = list; p <= list + n; p += strcspn(p, "| ") + 1)
                if (strcspn(p, "| ") == size && strncmp(p, value, size) == 0)
                        return true;
        return false;
}

static bool holds_term(const Json *parent, const char *term, size_t n) {
        bool negated = *term == '!';
        size_t k = strcspn(term + negated, "=! ");
        const Json *v = NULL;

        JSON_FOREACH(member, parent)
                if (strlen(member->key) == k && strncmp(member->key, term + negated, k) == 0)
                        v = member;
        if (k + negated == n)
                return is_there(v) != negated;
        term += k;
        if (*term == '!')
                return !is_listed(strempty(json_string(v)), term + 2, n - k - 2);
        return is_listed(strempty(json_string(v)), term + 1, n - k - 1);
}

static bool holds(const Json *parent, const char *when) {
        for (const char *p = when; *p; p += strspn(p, " ")) {
                size_t n = strcspn(p, " ");

                if (!holds_term(parent, p, n))
                        return false;
                p += n;
        }
        return true;
}

/* --- Sorts --- */

/* Kubernetes tells of 0 where there is no number. */
static const Json *number_of(KubeWrite *w, const Json *v) {
        return v ? v : json_new_i64(&w->arena, 0);
}

static void check_number(KubeWrite *w, const Check *c, const Spot *s) {
        int64_t n = json_i64(s->value, 0);
        char words[64];
        bool given = c->sort == CHECK_GIVEN_AT_LEAST || s->value;

        if (!given || (c->sort == CHECK_AT_MOST ? n <= c->limit : n >= c->limit))
                return;
        if (c->sort == CHECK_AT_MOST)
                (void) snprintf(words, sizeof(words), "must be less than or equal to %lld", (long long) c->limit);
        else
                (void) snprintf(words, sizeof(words), "%s 0", c->limit > 0 ? "must be greater than" : "must be greater than or equal to");
        cause_invalid(w, s->field, number_of(w, s->value), c->words ?: words);
}

static void check_one_of(KubeWrite *w, const Check *c, const Spot *s) {
        const char *text = strempty(json_string(s->value));

        if (!isempty(text) || c->sort == CHECK_GIVEN_ONE_OF)
                validate_one_of(w, s->field, text, c->words);
}

static void check_change(KubeWrite *w, const Check *c, const Spot *s) {
        if (!s->update || json_equal(s->value, s->old) || (is_empty(s->value) && is_empty(s->old)))
                return;
        if (c->sort == CHECK_FIXED)
                cause_forbidden(w, s->field, c->words);
        else
                cause_invalid(w, s->field, s->value, c->words ?: "field is immutable");
}

static void check_unique(KubeWrite *w, const Spot *s) {
        bool of_items = s->value && s->value->key; /* a member of the items of the list, or an item */

        if (!s->value)
                return;
        for (const Json *p = of_items ? s->parent->prev : s->value->prev; p; p = p->prev)
                if (json_equal(of_items ? json_get(p, s->value->key) : p, s->value)) {
                        cause_duplicate_value(w, s->field, s->value);
                        return;
                }
}

static void check_percent(KubeWrite *w, const Check *c, const Spot *s) {
        const char *text = json_string(s->value);

        validate_int_or_percent(w, s->field, s->value);
        if (c->limit > 0 && text && strlen(text) < 9 && endswith(text, "%") && atoll(text) > c->limit)
                cause_invalid(w, s->field, s->value, "must not be greater than 100%");
}

static void check_text(KubeWrite *w, const Check *c, const Spot *s) {
        const char *words = c->sort == CHECK_TEXT && is_empty(s->value) ? NULL : c->wrong(strempty(json_string(s->value)));

        if (words)
                cause_invalid(w, s->field, s->value ?: json_new_string(&w->arena, ""), words);
}

static void check_sort(KubeWrite *w, const Check *c, const Spot *s) {
        switch (c->sort) {
        case CHECK_INSIDE:
                if (c->run)
                        c->run(w, s->field, s->value, s->old);
                else if (s->value)
                        look_all(w, c->inner, s->field, s->value, s->old, s->update);
                break;
        case CHECK_REQUIRED:
                if (is_empty(s->value))
                        cause_required(w, s->field, strempty(c->words));
                break;
        case CHECK_ONE_OF:
        case CHECK_GIVEN_ONE_OF:
                check_one_of(w, c, s);
                break;
        case CHECK_AT_LEAST:
        case CHECK_GIVEN_AT_LEAST:
        case CHECK_AT_MOST:
                check_number(w, c, s);
                break;
        case CHECK_TEXT:
        case CHECK_GIVEN_TEXT:
                check_text(w, c, s);
                break;
        case CHECK_INVALID:
                if (is_there(s->value))
                        cause_invalid(w, s->field, s->value, c->words);
                break;
        case CHECK_FORBIDDEN:
                if (is_there(s->value))
                        cause_forbidden(w, s->field, c->words);
                break;
        case CHECK_IMMUTABLE:
        case CHECK_FIXED:
                check_change(w, c, s);
                break;
        case CHECK_UNIQUE:
                check_unique(w, s);
                break;
        case CHECK_FEW:
                if (s->value && (int64_t) s->value->size > c->limit)
                        cause_too_many(w, s->field, s->value->size, (size_t) c->limit);
                break;
        case CHECK_SELECTOR:
                validate_expressions(w, s->field, s->value);
                break;
        case CHECK_PERCENT:
                check_percent(w, c, s);
                break;
        }
}

/* Does it say nothing of what is not there? */
static bool needs_value(const Check *c) {
        switch (c->sort) {
        case CHECK_INSIDE:
                return !c->run;
        case CHECK_REQUIRED:
        case CHECK_GIVEN_ONE_OF:
        case CHECK_GIVEN_AT_LEAST:
        case CHECK_GIVEN_TEXT:
        case CHECK_IMMUTABLE:
        case CHECK_FIXED:
                return false;
        default:
                return true;
        }
}

/* --- Paths --- */

/* Goes along the rest of a path, from `at`, whose field and parent those are. */
static void look(KubeWrite *w, const Check *c, const char *path, const char *field, const Json *parent, const Json *old, bool update) {
        size_t n = strcspn(path, ".[{"), i = 0;
        const char *rest = path + n;
        char key[64], here[FIELD_MAX], item[FIELD_MAX];
        const Json *value, *before;

        assert(n < sizeof(key));
        memcpy(key, path, n);
        key[n] = '\0';
        value = json_get(parent, key);
        if (!value && (*rest == '[' || *rest == '{' || needs_value(c)))
                return;
        put_path(w, here, "%s%s%s", field, *field ? "." : "", key);
        before = json_get(old, key);
        if (*rest == '\0') {
                if (!c->when || holds(parent, c->when))
                        check_sort(w, c, &(Spot) { .field = here, .value = value, .parent = parent, .old = before, .update = update });
                return;
        }
        if (*rest == '.') {
                look(w, c, rest + 1, here, value, before, update);
                return;
        }
        JSON_FOREACH(v, value) {
                if (*rest == '[')
                        put_path(w, item, "%s[%zu]", here, i++);
                else
                        put_path(w, item, "%s[%s]", here, v->key);
                if (rest[2] == '.')
                        look(w, c, rest + 3, item, v, NULL, false);
                else if (!c->when || holds(parent, c->when))
                        check_sort(w, c, &(Spot) { .field = item, .value = v, .parent = parent });
        }
}

static void look_all(KubeWrite *w, const Check *checks, const char *field, const Json *object, const Json *old, bool update) {
        for (const Check *c = checks; c->path; c++)
                look(w, c, c->path, field, object, old, update);
}

void validate_checks(KubeWrite *w, const Check *checks, const Json *object, const Json *old) {
        look_all(w, checks, "", object, old, old);
}

void validate_part(KubeWrite *w, const Check *checks, const char *field, const Json *part) {
        look_all(w, checks, field, part, NULL, false);
}
