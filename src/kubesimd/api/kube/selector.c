/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/selector.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/check/label-syntax.h"

#define REQUIREMENTS_MAX 64
#define VALUES_MAX 256

typedef struct Requirement {
        char *key;     /* points into Selector.text */
        char **values; /* owned array of pointers into the text; none: the key need only be there */
        size_t n_values, allocated;
        bool is_field, negated;
} Requirement;

struct Selector {
        const KubeResource *resource;
        char *text[2]; /* owned copies of the label and the field selector, cut into words */
        Requirement requirements[REQUIREMENTS_MAX];
        size_t n_requirements;
};

Selector *selector_free(Selector *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_requirements; i++)
                free(s->requirements[i].values);
        free(s->text[0]);
        free(s->text[1]);
        return mfree(s);
}

static bool is_common(const char *path) {
        return streq(path, "metadata.name") || streq(path, "metadata.namespace");
}

static const KubeField *find_field(const KubeResource *resource, const char *path) {
        for (const KubeField *f = resource->fields; f && f->path; f++)
                if (streq(f->path, path))
                        return f;
        return NULL;
}

static bool has_value(const Requirement *r, const char *value) {
        for (size_t i = 0; i < r->n_values; i++)
                if (streq(r->values[i], value))
                        return true;
        return false;
}

/* An object being matched; its document is read once, when a field of it is asked for. */
typedef struct Match {
        const KubeResource *resource;
        const Object *object;
        JsonArena arena;
        StrBuf text;
        Json *root;
        char namespace[256];
} Match;

/* "a.b.c" of the document; what is not there is "". */
static const char *document_value(Match *m, const char *path) {
        const Json *v;
        char key[64];

        if (!m->root && m->object->doc) {
                doc_put(m->object->doc, &m->text);
                if (strbuf_error(&m->text) == 0)
                        (void) json_tree_parse(&m->arena, m->text.data, m->text.size, &m->root, NULL);
        }
        v = m->root;
        while (v && *path) {
                size_t n = strcspn(path, ".");

                if (n >= sizeof(key))
                        return "";
                memcpy(key, path, n);
                key[n] = '\0';
                v = json_get(v, key);
                path += n + (path[n] == '.');
        }
        if (json_is(v, JSON_BOOL))
                return v->boolean ? "true" : "false";
        return v && v->text ? v->text : "";
}

static const char *field_value(Match *m, const char *path) {
        const char *ns, *value;
        const KubeField *f;
        size_t size;

        if (streq(path, "metadata.name"))
                return object_name(m->object);
        if (streq(path, "metadata.namespace")) {
                ns = kind_is_namespaced(m->object->kind) ? object_namespace(m->object, &size) : NULL;
                size = ns ? MIN(size, sizeof(m->namespace) - 1) : 0;
                if (ns)
                        memcpy(m->namespace, ns, size);
                m->namespace[size] = '\0';
                return m->namespace;
        }
        f = find_field(m->resource, path);
        value = f->get ? f->get(m->object) : NULL;
        if (!value)
                value = document_value(m, path);
        return *value ? value : strempty(f->otherwise);
}

static bool requirement_holds(Match *m, const Requirement *r) {
        const char *value = r->is_field ? field_value(m, r->key) : kube_label(m->resource, m->object, r->key);

        if (r->n_values == 0)
                return (value != NULL) != r->negated;
        if (!value)
                return r->negated; /* what is not there has not that value */
        return has_value(r, value) != r->negated;
}

bool selector_matches(const Selector *s, const Object *o) {
        Match m = { .resource = s ? s->resource : NULL, .object = o, .arena = JSON_ARENA_INIT(64 * MIB), .text = STRBUF_INIT(8 * MIB) };
        bool holds = true;

        for (size_t i = 0; s && i < s->n_requirements && holds; i++)
                holds = requirement_holds(&m, &s->requirements[i]);
        json_arena_done(&m.arena);
        strbuf_done(&m.text);
        return holds;
}

static int add_value(Requirement *r, char *value, Error *reterr) {
        if (r->n_values >= VALUES_MAX)
                return error_set(reterr, -EINVAL, "a selector of more than %d values", VALUES_MAX);
        if (!GREEDY_REALLOC(r->values, r->allocated, r->n_values + 1))
                return error_set(reterr, -ENOMEM, "out of memory");
        r->values[r->n_values++] = strstrip(value);
        return 0;
}

/* "key in (a,b)", with *in at the parenthesis. */
static int parse_set(Requirement *r, char *open, Error *reterr) {
        char *close = strchr(open, ')'), *value;
        int e = 0;

        if (!close || *strstrip(close + 1) != '\0')
                return error_set(reterr, -EINVAL, "unable to parse requirement: found '%s', expected: ')'", close ? close + 1 : "");
        *close = '\0';
        open++;
        while (e >= 0 && (value = strsep(&open, ",")))
                e = add_value(r, value, reterr);
        return e;
}

static int parse_in(Requirement *r, char *word, char *open, Error *reterr) {
        char *space = word + strcspn(word, " \t");
        char *how;

        *open = '\0';
        if (space >= open)
                return error_set(reterr, -EINVAL, "unable to parse requirement: found '(', expected: in, notin");
        *space = '\0';
        how = strstrip(space + 1);
        *open = '(';
        how[strcspn(how, " \t(")] = '\0';
        if (!streq(how, "in") && !streq(how, "notin"))
                return error_set(reterr, -EINVAL, "unable to parse requirement: found '%s', expected: in, notin", how);
        r->negated = streq(how, "notin");
        *open = '(';
        return parse_set(r, open, reterr);
}

/* What stands where an operator should: kubectl's users are told of that. */
static const char *second_word(char *key) {
        char *s = key + strcspn(key, " \t");

        s = *s ? strstrip(s) : key;
        s[strcspn(s, " \t")] = '\0';
        return s;
}

static int parse_requirement(Requirement *r, char *word, Error *reterr) {
        char *open = strchr(word, '('), *equals = strchr(word, '=');

        r->key = word;
        if (open && (!equals || open < equals) && !r->is_field)
                return parse_in(r, word, open, reterr);
        if (!equals) {
                r->negated = *word == '!';
                r->key = strstrip(word + r->negated);
                if (r->is_field)
                        return error_set(reterr, -EINVAL, "invalid selector: '%s'; can't understand '%s'", word, word);
                if (isempty(r->key) || strpbrk(r->key, " \t!()"))
                        return error_set(reterr, -EINVAL, "unable to parse requirement: found '%s', expected: '=', '!=', '==', 'in', notin'", second_word(r->key));
                return 0;
        }
        r->negated = equals > word && equals[-1] == '!';
        if (r->negated)
                equals[-1] = '\0';
        *equals = '\0';
        r->key = strstrip(word);
        if (isempty(r->key))
                return error_set(reterr, -EINVAL, "unable to parse requirement: a selector needs a key before '='");
        return add_value(r, equals + 1 + (equals[1] == '='), reterr);
}

/* Keys and values that no label can have are refused: they are mistakes of writing. */
static int check_label(const Requirement *r, Error *reterr) {
        if (!is_qualified_name(r->key))
                return error_set(reterr, -EINVAL, "unable to parse requirement: key: Invalid value: \"%s\": it is not the key of a label", r->key);
        for (size_t i = 0; i < r->n_values; i++)
                if (!is_label_value(r->values[i], strlen(r->values[i])))
                        return error_set(reterr, -EINVAL, "unable to parse requirement: values[%zu][%s]: Invalid value: \"%s\": it is not the value of a label",
                                         i, r->key, r->values[i]);
        return 0;
}

/* The next requirement: up to a comma that is not inside parentheses. */
static char *next_word(char **text) {
        char *begin = *text, *s = begin;
        unsigned depth = 0;

        if (!begin)
                return NULL;
        for (; *s && (*s != ',' || depth > 0); s++)
                depth = *s == '(' ? depth + 1 : *s == ')' && depth > 0 ? depth - 1 : depth;
        *text = *s ? s + 1 : NULL;
        *s = '\0';
        return begin;
}

static int parse_text(Selector *s, const char *given, bool is_field, Error *reterr) {
        char *text, *word;
        int r;

        if (isempty(given))
                return 0;
        text = s->text[is_field] = strdup(given);
        if (!text)
                return error_set(reterr, -ENOMEM, "out of memory");
        while ((word = next_word(&text))) {
                Requirement *q = &s->requirements[s->n_requirements];

                if (s->n_requirements == REQUIREMENTS_MAX)
                        return error_set(reterr, -EINVAL, "a selector of more than %d requirements", REQUIREMENTS_MAX);
                word = strstrip(word);
                if (isempty(word) && !is_field && (text || s->n_requirements > 0))
                        return error_set(reterr, -EINVAL, "unable to parse requirement: found '%s', expected: identifier after ','", text ? "," : "");
                if (isempty(word))
                        continue;
                s->n_requirements++;
                q->is_field = is_field;
                r = parse_requirement(q, word, reterr);
                if (r >= 0 && !is_field)
                        r = check_label(q, reterr);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A field that objects of the kind do not offer is refused, not ignored. */
static int check_fields(const Selector *s, Error *reterr) {
        for (size_t i = 0; i < s->n_requirements; i++) {
                const Requirement *r = &s->requirements[i];

                if (r->is_field && !is_common(r->key) && !find_field(s->resource, r->key))
                        return error_set(reterr, -EINVAL, "field label not supported: %s", r->key);
        }
        return 0;
}

int selector_parse(const KubeResource *resource, const char *labels, const char *fields, Selector **ret, Error *reterr) {
        _cleanup_(selector_freep) Selector *s = NULL;
        int r;

        *ret = NULL;
        if (isempty(labels) && isempty(fields))
                return 0;
        s = new0(Selector, 1);
        if (!s)
                return error_set(reterr, -ENOMEM, "out of memory");
        s->resource = resource;
        r = parse_text(s, labels, false, reterr);
        if (r >= 0)
                r = parse_text(s, fields, true, reterr);
        if (r >= 0)
                r = check_fields(s, reterr);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(s);
        return 0;
}
