/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/types/jsonpath.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

#define LETTERS_MAX 1024
#define STEPS_MAX 64
#define FILTER_DEPTH_MAX 4
#define KEY_MAX 256

typedef enum StepType {
        STEP_MEMBER,
        STEP_INDEX, /* from the end when negative */
        STEP_ALL,
        STEP_FILTER,
} StepType;

typedef enum Comparison {
        COMPARE_EXISTS,
        COMPARE_EQUAL,
        COMPARE_NOT_EQUAL,
        COMPARE_LESS,
        COMPARE_LESS_EQUAL,
        COMPARE_GREATER,
        COMPARE_GREATER_EQUAL,
} Comparison;

typedef struct Step {
        StepType type;
        char *text;       /* owned: the member's key, or what a filter compares with */
        int64_t index;
        JsonPath *inner;  /* owned: of a filter, from the item on */
        Comparison comparison;
        bool is_string;   /* text was in quotes */
} Step;

struct JsonPath {
        Step *steps;
        size_t n_steps, allocated;
};

JsonPath *jsonpath_free(JsonPath *p) {
        if (!p)
                return NULL;
        for (size_t i = 0; i < p->n_steps; i++) {
                free(p->steps[i].text);
                jsonpath_free(p->steps[i].inner);
        }
        free(p->steps);
        return mfree(p);
}

static int invalid(Error *reterr, const char *what, const char *at) {
        return error_set(reterr, -EINVAL, "%s at \"%s\"", what, at);
}

static int add_step(JsonPath *p, Step step, Error *reterr) {
        if (p->n_steps >= STEPS_MAX || !GREEDY_REALLOC(p->steps, p->allocated, p->n_steps + 1)) {
                free(step.text);
                jsonpath_free(step.inner);
                return p->n_steps >= STEPS_MAX ? error_set(reterr, -EINVAL, "more than %d steps", STEPS_MAX) : error_set(reterr, -ENOMEM, "out of memory");
        }
        p->steps[p->n_steps++] = step;
        return 0;
}

/* A copy of s[0...n-1] without the backslashes that stand before letters. */
static char *unescape(const char *s, size_t n) {
        char *copy = malloc(n + 1), *w = copy;

        for (size_t i = 0; copy && i < n; i++) {
                if (s[i] == '\\' && i + 1 < n)
                        i++;
                *w++ = s[i];
        }
        if (copy)
                *w = '\0';
        return copy;
}

/* Up to the closing quote: *s is at the opening one, and then after the closing one. */
static int read_quoted(const char **s, char **ret, Error *reterr) {
        const char quote = **s, *from = *s + 1, *end = from;

        while (*end && *end != quote)
                end += *end == '\\' && end[1] ? 2 : 1;
        if (*end != quote)
                return invalid(reterr, "unterminated quoted string", *s);
        *ret = unescape(from, (size_t) (end - from));
        *s = end + 1;
        return *ret ? 0 : error_set(reterr, -ENOMEM, "out of memory");
}

static int read_member(JsonPath *p, const char **s, const char *stop, Error *reterr) {
        const char *from = *s;
        char *key;

        while (**s && !strchr(stop, **s))
                *s += **s == '\\' && (*s)[1] ? 2 : 1;
        if (*s == from)
                return invalid(reterr, "a member without a name", from);
        if (*s == from + 1 && *from == '*')
                return add_step(p, (Step) { .type = STEP_ALL }, reterr);
        key = unescape(from, (size_t) (*s - from));
        return key ? add_step(p, (Step) { .type = STEP_MEMBER, .text = key }, reterr) : error_set(reterr, -ENOMEM, "out of memory");
}

static void skip_blanks(const char **s) {
        while (**s == ' ')
                ++*s;
}

static const struct {
        const char *text;
        Comparison comparison;
} operators[] = {
        { "==", COMPARE_EQUAL }, { "!=", COMPARE_NOT_EQUAL }, { "<=", COMPARE_LESS_EQUAL }, { ">=", COMPARE_GREATER_EQUAL },
        { "<", COMPARE_LESS },   { ">", COMPARE_GREATER },
};

static int read_path(JsonPath *p, const char **s, const char *stop, unsigned depth, Error *reterr);

/* What comes after the path of a filter: OPERATOR VALUE, or nothing. */
static int read_comparison(Step *step, const char **s, Error *reterr) {
        const char *from;

        skip_blanks(s);
        for (size_t i = 0; i < ELEMENTSOF(operators) && step->comparison == COMPARE_EXISTS; i++)
                if (startswith(*s, operators[i].text)) {
                        step->comparison = operators[i].comparison;
                        *s += strlen(operators[i].text);
                }
        if (step->comparison == COMPARE_EXISTS)
                return 0;
        skip_blanks(s);
        step->is_string = **s == '"' || **s == '\'';
        if (step->is_string)
                return read_quoted(s, &step->text, reterr);
        from = *s;
        *s += strcspn(*s, " )");
        if (*s == from)
                return invalid(reterr, "nothing to compare with", from);
        step->text = strndup(from, (size_t) (*s - from));
        return step->text ? 0 : error_set(reterr, -ENOMEM, "out of memory");
}

/* *s is after "?(". */
static int read_filter(JsonPath *p, const char **s, unsigned depth, Error *reterr) {
        Step step = { .type = STEP_FILTER };
        int r;

        if (depth >= FILTER_DEPTH_MAX)
                return invalid(reterr, "filters nest too deeply", *s);
        skip_blanks(s);
        if (**s != '@')
                return invalid(reterr, "a filter begins with @", *s);
        ++*s;
        step.inner = new0(JsonPath, 1);
        if (!step.inner)
                return error_set(reterr, -ENOMEM, "out of memory");
        r = read_path(step.inner, s, " )=!<>.[]", depth + 1, reterr);
        if (r >= 0)
                r = read_comparison(&step, s, reterr);
        skip_blanks(s);
        if (r >= 0 && !startswith(*s, ")"))
                r = invalid(reterr, "unterminated filter", *s);
        if (r < 0) {
                free(step.text);
                jsonpath_free(step.inner);
                return r;
        }
        ++*s;
        return add_step(p, step, reterr);
}

static int read_index(JsonPath *p, const char **s, Error *reterr) {
        size_t n = strcspn(*s, "]"), minus = **s == '-';
        char digits[16] = "";
        uint64_t v;

        if (n - minus >= sizeof(digits) || n <= minus)
                return invalid(reterr, "invalid array index", *s);
        memcpy(digits, *s + minus, n - minus);
        if (parse_u64_range(digits, 0, INT32_MAX, &v) < 0)
                return invalid(reterr, "invalid array index", *s);
        *s += n;
        return add_step(p, (Step) { .type = STEP_INDEX, .index = minus ? -(int64_t) v : (int64_t) v }, reterr);
}

/* *s is after "[". */
static int read_brackets(JsonPath *p, const char **s, unsigned depth, Error *reterr) {
        char *key = NULL;
        int r;

        if (**s == '\'' || **s == '"') {
                r = read_quoted(s, &key, reterr);
                if (r >= 0)
                        r = add_step(p, (Step) { .type = STEP_MEMBER, .text = key }, reterr);
        } else if (startswith(*s, "?(")) {
                *s += 2;
                r = read_filter(p, s, depth, reterr);
        } else if (startswith(*s, "*]")) {
                ++*s;
                r = add_step(p, (Step) { .type = STEP_ALL }, reterr);
        } else
                r = read_index(p, s, reterr);
        if (r < 0)
                return r;
        if (**s != ']')
                return invalid(reterr, "unterminated array", *s);
        ++*s;
        return 0;
}

/* Members and brackets until something else stands there. stop: what ends a member's name. */
static int read_path(JsonPath *p, const char **s, const char *stop, unsigned depth, Error *reterr) {
        int r = 0;

        while (r >= 0 && (**s == '.' || **s == '[')) {
                char c = *(*s)++;

                if (c == '.' && **s == '.')
                        return invalid(reterr, "recursive descent is not supported", *s - 1);
                if (c == '.' && **s == '[')
                        continue; /* ".['x']" is known too */
                r = c == '[' ? read_brackets(p, s, depth, reterr) : read_member(p, s, stop, reterr);
        }
        return r;
}

int jsonpath_new(const char *s, JsonPath **ret, Error *reterr) {
        _cleanup_(jsonpath_freep) JsonPath *p = new0(JsonPath, 1);
        int r;

        if (!p)
                return error_set(reterr, -ENOMEM, "out of memory");
        if (strlen(s) > LETTERS_MAX)
                return error_set(reterr, -EINVAL, "a path of more than %d bytes", LETTERS_MAX);
        if (*s != '.' && *s != '[')
                return error_set(reterr, -EINVAL, "must be a simple json path starting with .");
        if (!streq(s, ".")) {
                r = read_path(p, &s, ".[]", 0, reterr);
                if (r < 0)
                        return r;
                if (*s != '\0')
                        return invalid(reterr, "unexpected letters", s);
        }
        *ret = TAKE_PTR(p);
        return 0;
}

/* --- Finding --- */

static const Json *find(const JsonPath *p, size_t from, const Json *v);

/* The order of two values of a filter: by number when both are some, else by text. */
static int compare(const Json *v, const Step *step) {
        double a, b;

        if (v->type == JSON_NUMBER && !step->is_string) {
                a = strtod(v->text, NULL);
                b = strtod(step->text, NULL);
                return a < b ? -1 : a > b;
        }
        return strcmp(v->type == JSON_BOOL ? v->boolean ? "true" : "false" : strempty(v->text), step->text);
}

static bool filter_holds(const Step *step, const Json *item) {
        const Json *v = find(step->inner, 0, item);
        int c;

        if (step->comparison == COMPARE_EXISTS || !v)
                return v;
        if (step->is_string != (v->type == JSON_STRING))
                return step->comparison == COMPARE_NOT_EQUAL;
        c = compare(v, step);
        switch (step->comparison) {
        case COMPARE_EQUAL:
                return c == 0;
        case COMPARE_NOT_EQUAL:
                return c != 0;
        case COMPARE_LESS:
                return c < 0;
        case COMPARE_LESS_EQUAL:
                return c <= 0;
        case COMPARE_GREATER:
                return c > 0;
        default:
                return c >= 0;
        }
}

static const Json *find_among(const JsonPath *p, size_t from, const Json *v, const Step *step) {
        const Json *found;

        if (!json_is(v, JSON_ARRAY) && !json_is(v, JSON_OBJECT))
                return NULL;
        JSON_FOREACH(item, v)
                if ((!step || filter_holds(step, item)) && (found = find(p, from, item)))
                        return found;
        return NULL;
}

static const Json *find(const JsonPath *p, size_t from, const Json *v) {
        for (size_t i = from; v && i < p->n_steps; i++) {
                const Step *s = &p->steps[i];

                switch (s->type) {
                case STEP_MEMBER:
                        v = json_is(v, JSON_OBJECT) ? json_get(v, s->text) : NULL;
                        break;
                case STEP_INDEX:
                        if (!json_is(v, JSON_ARRAY) || (s->index < 0 && (size_t) -s->index > v->size))
                                return NULL;
                        v = json_item(v, s->index < 0 ? v->size - (size_t) -s->index : (size_t) s->index);
                        break;
                default:
                        return find_among(p, i + 1, v, s->type == STEP_FILTER ? s : NULL);
                }
        }
        return v;
}

const Json *jsonpath_find(const JsonPath *p, const Json *root) {
        return find(p, 0, root);
}

/* --- Simple ones --- */

/* The next member's name; false at the end. */
static bool next_member(const char **path, char *buf) {
        size_t n;

        if (**path != '.')
                return false;
        n = strcspn(*path + 1, ".");
        if (n == 0 || n >= KEY_MAX)
                return false;
        memcpy(buf, *path + 1, n);
        buf[n] = '\0';
        *path += n + 1;
        return true;
}

Json *jsonpath_get_simple(Json *root, const char *path) {
        char key[KEY_MAX];

        while (root && next_member(&path, key))
                root = json_get(root, key);
        return root;
}

bool jsonpath_set_simple(JsonArena *a, Json *root, const char *path, Json *v) {
        char key[KEY_MAX];

        while (next_member(&path, key)) {
                Json *present = json_get(root, key);

                if (*path == '\0') {
                        json_set(a, root, key, v);
                        return true;
                }
                if (present && present->type != JSON_OBJECT)
                        return false;
                root = json_ensure(a, root, key, JSON_OBJECT);
        }
        return false;
}
