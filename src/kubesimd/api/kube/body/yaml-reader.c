/* SPDX-License-Identifier: Apache-2.0 */
/* libyaml's events into a tree. A text of a few bytes may stand for very much: aliases repeat what they name, and may name aliases.
 * So all that they repeat is counted. */
#include <stdarg.h>
#include <stdio.h>
#include <yaml.h>

#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/body/yaml.h"

#define ANCHORS_MAX 256
#define REPEATED_MAX 10000 /* values that aliases stand for */

typedef struct Anchor {
        const char *name;
        Json *value; /* NULL as long as it is being read */
} Anchor;

typedef struct Reader {
        yaml_parser_t parser;
        yaml_event_t event;
        JsonArena *arena;
        const char *text;
        unsigned depth;
        Anchor anchors[ANCHORS_MAX];
        size_t n_anchors, n_repeated;
        Error *error;
} Reader;

static int read_node(Reader *r, Json **ret);

static size_t line_of_event(const Reader *r) {
        return r->event.start_mark.line + 1;
}

static int refuse(Reader *r, const char *format, ...) _printf_(2, 3);

static int refuse(Reader *r, const char *format, ...) {
        char message[256];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);
        return error_set(r->error, -EBADMSG, "yaml: line %zu: %s", line_of_event(r), message);
}

static int no_memory(Reader *r) {
        if (json_arena_error(r->arena) == -E2BIG)
                return error_set(r->error, -E2BIG, "yaml: the document has too many values");
        return error_set(r->error, -ENOMEM, "out of memory");
}

/* What libyaml says, with the line that it means. */
static int explain(Reader *r) {
        const yaml_parser_t *p = &r->parser;
        size_t line = p->problem_mark.line + 1;

        if (p->error == YAML_MEMORY_ERROR)
                return error_set(r->error, -ENOMEM, "out of memory");
        if (p->error == YAML_READER_ERROR) { /* which knows the byte only */
                line = 1;
                for (size_t i = 0; i < p->problem_offset; i++)
                        line += r->text[i] == '\n';
        }
        return error_set(r->error, -EBADMSG, "yaml: line %zu: %s", line, p->problem ?: "this is not YAML");
}

static int next_event(Reader *r) {
        yaml_event_delete(&r->event);
        return yaml_parser_parse(&r->parser, &r->event) ? 0 : explain(r);
}

/* --- Anchors --- */

/* Remembers the anchor of the value that begins here; NULL when it has none. */
static int begin_anchor(Reader *r, const yaml_char_t *name, Anchor **ret) {
        const char *copy;

        *ret = NULL;
        if (!name)
                return 0;
        if (r->n_anchors == ANCHORS_MAX)
                return refuse(r, "there are more than %d anchors", ANCHORS_MAX);
        copy = json_arena_copy(r->arena, (const char*) name, strlen((const char*) name));
        if (!copy)
                return no_memory(r);
        *ret = &r->anchors[r->n_anchors++];
        **ret = (Anchor) { .name = copy };
        return 0;
}

/* How many values it is made of, into *n, and how deep it is. */
static unsigned measure(const Json *v, size_t *n) {
        unsigned deepest = 0;

        (*n)++;
        JSON_FOREACH(child, v) {
                unsigned depth = measure(child, n);

                deepest = MAX(deepest, depth);
        }
        return v->first ? deepest + 1 : deepest;
}

static const Anchor *find_anchor(const Reader *r, const char *name) {
        for (size_t i = r->n_anchors; i > 0; i--) /* a name may be given again: the last one counts */
                if (streq(r->anchors[i - 1].name, name))
                        return &r->anchors[i - 1];
        return NULL;
}

static int read_alias(Reader *r, Json **ret) {
        const char *name = (const char*) r->event.data.alias.anchor;
        const Anchor *anchor = find_anchor(r, name);

        if (!anchor)
                return refuse(r, "unknown anchor '%s' referenced", name);
        if (!anchor->value)
                return refuse(r, "anchor '%s' value contains itself", name);
        if (r->depth + measure(anchor->value, &r->n_repeated) > JSON_DEPTH_MAX)
                return refuse(r, "the document is nested too deeply");
        if (r->n_repeated > REPEATED_MAX)
                return refuse(r, "document contains excessive aliasing");
        *ret = json_copy(r->arena, anchor->value);
        return *ret ? 0 : no_memory(r);
}

/* --- Scalars --- */

static Json *new_number(JsonArena *a, const char *text) {
        Json *v = json_new(a, JSON_NUMBER);

        if (!v)
                return NULL;
        v->size = strlen(text);
        v->text = json_arena_copy(a, text, v->size);
        return v->text ? v : NULL;
}

/* The tag of the YAML type repository without its prefix: "int"; "" for those of others, NULL when there is none. */
static const char *short_tag(const yaml_char_t *tag) {
        return tag ? startswith((const char*) tag, "tag:yaml.org,2002:") ?: "" : NULL;
}

static bool tag_allows(const char *tag, YamlScalar s) {
        return !tag || (streq(tag, "null") && s == YAML_NULL) || (streq(tag, "bool") && (s == YAML_TRUE || s == YAML_FALSE)) ||
               (streq(tag, "int") && s == YAML_INTEGER) || (streq(tag, "float") && (s == YAML_INTEGER || s == YAML_FRACTION || s == YAML_NOT_FINITE));
}

static bool tag_resolves(const char *tag) {
        return streq(tag, "null") || streq(tag, "bool") || streq(tag, "int") || streq(tag, "float");
}

/* What the scalar of the event is, by its tag, or because it is plain. */
static int resolve_event(Reader *r, char *number, YamlScalar *ret) {
        const char *tag = short_tag(r->event.data.scalar.tag), *text = (const char*) r->event.data.scalar.value;

        if (memchr(text, '\0', r->event.data.scalar.length))
                return refuse(r, "control characters are not allowed");
        *ret = YAML_STRING;
        if (tag && streq(tag, "binary"))
                return refuse(r, "!!binary is not taken: give its base64 as a string");
        if (tag ? !tag_resolves(tag) : !r->event.data.scalar.plain_implicit)
                return 0;
        *ret = yaml_resolve(text, number);
        if (!tag_allows(tag, *ret))
                return refuse(r, "cannot decode `%.64s` as a !!%s", text, tag);
        if (*ret == YAML_NOT_FINITE)
                return refuse(r, "%s is a number that JSON does not have", text);
        return 0;
}

static int read_scalar(Reader *r, Json **ret) {
        char number[YAML_NUMBER_MAX];
        YamlScalar s;
        int k;

        k = resolve_event(r, number, &s);
        if (k < 0)
                return k;
        switch (s) {
        case YAML_NULL:
                *ret = json_new(r->arena, JSON_NULL);
                break;
        case YAML_TRUE:
        case YAML_FALSE:
                *ret = json_new_bool(r->arena, s == YAML_TRUE);
                break;
        case YAML_INTEGER:
        case YAML_FRACTION:
                *ret = new_number(r->arena, number);
                break;
        default:
                *ret = json_new_string(r->arena, (const char*) r->event.data.scalar.value);
        }
        return *ret ? 0 : no_memory(r);
}

/* --- Collections --- */

static int read_sequence(Reader *r, Json **ret) {
        Json *array = *ret = json_new(r->arena, JSON_ARRAY), *v;
        int k;

        if (!array)
                return no_memory(r);
        while ((k = next_event(r)) >= 0 && r->event.type != YAML_SEQUENCE_END_EVENT) {
                k = read_node(r, &v);
                if (k < 0)
                        return k;
                json_append(array, v);
        }
        return k;
}

/* The key of the event as JSON's keys are: text. "<<" that is not quoted is a merge key, which *ret_merge tells. */
static int read_key(Reader *r, const char **ret, bool *ret_merge) {
        char number[YAML_NUMBER_MAX];
        YamlScalar s = YAML_STRING;
        Json *v;
        int k = 0;

        *ret_merge = false;
        if (r->event.type == YAML_SCALAR_EVENT)
                k = resolve_event(r, number, &s);
        else if (r->event.type != YAML_ALIAS_EVENT)
                k = refuse(r, "a collection cannot be a key");
        if (k >= 0)
                k = read_node(r, &v);
        if (k < 0)
                return k;
        switch (v->type) {
        case JSON_BOOL:
                *ret = v->boolean ? "true" : "false";
                break;
        case JSON_NUMBER:
        case JSON_STRING:
                *ret = v->text;
                break;
        default:
                return refuse(r, "unsupported map key of type %s", json_type_to_string(v->type));
        }
        *ret_merge = s == YAML_MERGE;
        return 0;
}

static void move_members(Json *to, Json *from) {
        JSON_FOREACH(v, from)
                json_append(to, json_detach(v));
}

static int check_merge(Reader *r, const Json *source) {
        if (json_is(source, JSON_OBJECT))
                return 0;
        for (const Json *v = json_is(source, JSON_ARRAY) ? source->first : NULL; v; v = v->next)
                if (v->type != JSON_OBJECT)
                        return refuse(r, "map merge requires map or sequence of maps as the value");
        return json_is(source, JSON_ARRAY) ? 0 : refuse(r, "map merge requires map or sequence of maps as the value");
}

/* Drops all but the last member of each name. */
static int drop_duplicates(Reader *r, Json *object) {
        if (object->size > JSON_MEMBERS_MAX)
                return error_set(r->error, -E2BIG, "yaml: line %zu: there is an object of more than %d members", line_of_event(r), JSON_MEMBERS_MAX);
        return json_arena_error(r->arena) < 0 || json_drop_duplicates(r->arena, object) < 0 ? no_memory(r) : 0;
}

/* https://yaml.org/type/merge.html: what the object says itself counts most, then the earlier sources. So they are put one behind the
 * other from the last source on, and the last member of a name stays. Sources are copied, as they may have anchors. */
static int merge(Reader *r, Json *object, Json *sources) {
        void (*duplicate)(const Json *object, const char *key, void *userdata) = r->arena->duplicate;
        Json *own = json_new(r->arena, JSON_OBJECT);
        int k;

        if (!own)
                return no_memory(r);
        move_members(own, object);
        for (Json *source = sources->last; source; source = source->prev) {
                if (source->type == JSON_OBJECT)
                        move_members(object, json_copy(r->arena, source));
                for (Json *v = source->last; v && source->type == JSON_ARRAY; v = v->prev)
                        move_members(object, json_copy(r->arena, v));
        }
        move_members(object, own);
        r->arena->duplicate = NULL; /* they are meant to be */
        k = drop_duplicates(r, object);
        r->arena->duplicate = duplicate;
        return k;
}

static int read_mapping(Reader *r, Json **ret) {
        Json *object = *ret = json_new(r->arena, JSON_OBJECT), *sources = json_new(r->arena, JSON_ARRAY), *v;
        const char *key;
        bool is_merge;
        int k;

        if (!object || !sources)
                return no_memory(r);
        while ((k = next_event(r)) >= 0 && r->event.type != YAML_MAPPING_END_EVENT) {
                k = read_key(r, &key, &is_merge);
                if (k >= 0)
                        k = next_event(r);
                if (k >= 0)
                        k = read_node(r, &v);
                if (k >= 0 && is_merge)
                        k = check_merge(r, v);
                if (k < 0)
                        return k;
                v->key = is_merge ? NULL : key;
                json_append(is_merge ? sources : object, v);
        }
        if (k >= 0)
                k = drop_duplicates(r, object);
        if (k >= 0 && sources->first)
                k = merge(r, object, sources);
        return k;
}

static int read_collection(Reader *r, Json **ret) {
        int k;

        if (++r->depth > JSON_DEPTH_MAX)
                return refuse(r, "the document is nested too deeply");
        k = r->event.type == YAML_MAPPING_START_EVENT ? read_mapping(r, ret) : read_sequence(r, ret);
        r->depth--;
        return k;
}

/* The value that begins with the event at hand; the last one of its events is at hand after it. */
static int read_node(Reader *r, Json **ret) {
        const yaml_event_t *e = &r->event;
        Anchor *anchor = NULL;
        int k;

        *ret = NULL;
        switch (e->type) {
        case YAML_ALIAS_EVENT:
                return read_alias(r, ret);
        case YAML_SCALAR_EVENT:
                k = begin_anchor(r, e->data.scalar.anchor, &anchor);
                if (k >= 0)
                        k = read_scalar(r, ret);
                break;
        case YAML_SEQUENCE_START_EVENT:
        case YAML_MAPPING_START_EVENT:
                k = begin_anchor(r, e->type == YAML_MAPPING_START_EVENT ? e->data.mapping_start.anchor : e->data.sequence_start.anchor, &anchor);
                if (k >= 0)
                        k = read_collection(r, ret);
                break;
        default:
                return refuse(r, "there is no value");
        }
        if (k >= 0 && anchor)
                anchor->value = *ret;
        return k;
}

/* The document that begins with the event at hand; what comes after its end is at hand then. */
static int read_document(Reader *r, Json **ret) {
        int k;

        r->n_anchors = 0;
        k = next_event(r); /* after the beginning of the document */
        if (k >= 0)
                k = read_node(r, ret);
        if (k >= 0)
                k = next_event(r); /* its end */
        return k < 0 ? k : next_event(r);
}

/* The first event of the first document, or the end. */
static int begin_stream(Reader *r) {
        int k;

        k = next_event(r);
        return k < 0 ? k : next_event(r);
}

static int read_one(Reader *r, Json **ret) {
        int k;

        *ret = NULL;
        k = begin_stream(r);
        if (k < 0 || r->event.type == YAML_STREAM_END_EVENT)
                return k;
        k = read_document(r, ret);
        if (k >= 0 && r->event.type != YAML_STREAM_END_EVENT)
                return refuse(r, "there is more than one document");
        return k;
}

static int read_all(Reader *r, Json **ret) {
        Json *v;
        int k;

        *ret = json_new(r->arena, JSON_ARRAY);
        if (!*ret)
                return no_memory(r);
        k = begin_stream(r);
        while (k >= 0 && r->event.type != YAML_STREAM_END_EVENT) {
                k = read_document(r, &v);
                if (k >= 0)
                        json_append(*ret, v);
        }
        return k;
}

static int parse(JsonArena *a, const char *text, size_t size, int (*read)(Reader *r, Json **ret), Json **ret, Error *reterr) {
        Reader r = { .arena = a, .text = text, .error = reterr };
        int k;

        if (!yaml_parser_initialize(&r.parser))
                return error_set(reterr, -ENOMEM, "out of memory");
        yaml_parser_set_input_string(&r.parser, (const unsigned char*) text, size);
        k = read(&r, ret);
        yaml_event_delete(&r.event);
        yaml_parser_delete(&r.parser);
        return k;
}

int yaml_parse(JsonArena *a, const char *text, size_t size, Json **ret, Error *reterr) {
        return parse(a, text, size, read_one, ret, reterr);
}

int yaml_parse_all(JsonArena *a, const char *text, size_t size, Json **ret, Error *reterr) {
        return parse(a, text, size, read_all, ret, reterr);
}
