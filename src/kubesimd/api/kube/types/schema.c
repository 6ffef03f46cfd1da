/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/types/schema.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/base64.h"
#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/model/quantity.h"
#include "kubesimd/api/kube/types/field-path.h"

__asm__(".pushsection .rodata\n"
        "kubesim_schema_begin:\n"
        ".incbin \"src/kubesimd/api/kube/types/schema.tsv\"\n"
        "kubesim_schema_end:\n"
        ".byte 0\n"
        ".popsection\n");
extern const char kubesim_schema_begin[], kubesim_schema_end[];

#define FIELDS_MAX 2000
#define MESSAGES_MAX 600
#define COLUMNS 7

/* The table once it is read; all of it points into `text`. */
typedef struct Schema {
        char *text;
        SchemaField *fields;
        SchemaMessage *messages; /* sorted by name */
        const char **refs;       /* of each field: the name of its message, or NULL */
        size_t n_fields, n_messages;
} Schema;

static size_t split(char *line, char *columns[COLUMNS]) {
        size_t n = 0;

        for (char *p = line; p && n < COLUMNS; n++) {
                columns[n] = p;
                p = strchr(p, '\t');
                if (p)
                        *p++ = '\0';
        }
        return n;
}

static void read_type(SchemaField *f, const char *s, const char **ret_ref) {
        f->list = startswith(s, "[]");
        f->map = startswith(s, "{}");
        s += f->list || f->map ? 2 : 0;
        f->is_long = *s == 'N';
        f->type = f->is_long ? SCHEMA_INTEGER : (SchemaType) *s;
        *ret_ref = s[0] != '\0' && s[1] == ':' ? s + 2 : NULL;
}

static void read_field(Schema *s, char *columns[COLUMNS]) {
        SchemaField *f = &s->fields[s->n_fields];
        uint64_t number = 0;
        char *key;

        (void) parse_u64(columns[1], &number);
        *f = (SchemaField) { .name = columns[2], .number = (unsigned) number };
        read_type(f, columns[3], &s->refs[s->n_fields]);
        f->inlined = strchr(columns[4], 'I');
        f->keeps_zero = strchr(columns[4], 'P');
        f->merges = startswith(columns[5], "merge");
        f->retains_keys = strstr(columns[5], "retainKeys");
        key = strchr(columns[5], ':');
        f->merge_key = key ? key + 1 : NULL;
        f->list_keys = startswith(columns[6], "map:");
        f->set = streq(columns[6], "set");
        f->atomic = streq(columns[6], "atomic");
        s->n_fields++;
}

static SchemaMessage *find_message(const Schema *s, const char *name) {
        size_t low = 0, high = s->n_messages;

        while (low < high) {
                size_t mid = low + (high - low) / 2;
                int c = strcmp(name, s->messages[mid].name);

                if (c == 0)
                        return &s->messages[mid];
                if (c < 0)
                        high = mid;
                else
                        low = mid + 1;
        }
        return NULL;
}

static int compare_messages(const void *a, const void *b) {
        return strcmp(((const SchemaMessage*) a)->name, ((const SchemaMessage*) b)->name);
}

/* Lines of one message stand together. */
static void read_lines(Schema *s, const char **atomic, size_t *n_atomic) {
        char *columns[COLUMNS], *save = NULL;

        for (char *line = strtok_r(s->text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
                SchemaMessage *m = s->n_messages > 0 ? &s->messages[s->n_messages - 1] : NULL;
                const char *name = startswith(line, "#atomic\t");

                if (name)
                        atomic[(*n_atomic)++] = name;
                if (*line == '#' || split(line, columns) < COLUMNS)
                        continue;
                if (!m || !streq(m->name, columns[0])) {
                        m = &s->messages[s->n_messages++];
                        *m = (SchemaMessage) { .name = columns[0], .fields = &s->fields[s->n_fields] };
                }
                m->n_fields++;
                read_field(s, columns);
        }
}

static int read_schema(Schema *s) {
        const char *atomic[64];
        size_t n_atomic = 0;

        s->text = strndup(kubesim_schema_begin, (size_t) (kubesim_schema_end - kubesim_schema_begin));
        s->fields = new0(SchemaField, FIELDS_MAX);
        s->refs = new0(const char*, FIELDS_MAX);
        s->messages = new0(SchemaMessage, MESSAGES_MAX);
        if (!s->text || !s->fields || !s->refs || !s->messages)
                return -ENOMEM;
        read_lines(s, atomic, &n_atomic);
        qsort(s->messages, s->n_messages, sizeof(SchemaMessage), compare_messages);
        for (size_t i = 0; i < s->n_fields; i++)
                s->fields[i].message = s->refs[i] ? find_message(s, s->refs[i]) : NULL;
        for (size_t i = 0; i < n_atomic; i++) {
                SchemaMessage *m = find_message(s, atomic[i]);

                if (m)
                        m->atomic = true;
        }
        return 0;
}

static const Schema *schema(void) {
        static Schema s;

        if (s.n_messages > 0)
                return &s;
        if (read_schema(&s) < 0) {
                free(s.text);
                free(s.fields);
                free(s.refs);
                free(s.messages);
                s = (Schema) {};
        }
        return &s;
}

size_t schema_count(void) {
        return schema()->n_messages;
}

const SchemaMessage *schema_get(size_t i) {
        return &schema()->messages[i];
}

const SchemaMessage *schema_find(const char *name) {
        return name ? find_message(schema(), name) : NULL;
}

const SchemaField *schema_field(const SchemaMessage *m, const char *name) {
        const SchemaField *found;

        for (size_t i = 0; m && i < m->n_fields; i++) {
                if (!m->fields[i].inlined && streq(m->fields[i].name, name))
                        return &m->fields[i];
                if (m->fields[i].inlined && (found = schema_field(m->fields[i].message, name)))
                        return found;
        }
        return m ? m->others : NULL;
}

const SchemaField *schema_field_by_number(const SchemaMessage *m, unsigned number) {
        for (size_t i = 0; m && i < m->n_fields; i++)
                if (m->fields[i].number == number)
                        return &m->fields[i];
        return NULL;
}

void schema_each_field(const SchemaMessage *m, void (*visit)(const SchemaField *f, void *userdata), void *userdata) {
        for (size_t i = 0; m && i < m->n_fields; i++)
                if (m->fields[i].inlined)
                        schema_each_field(m->fields[i].message, visit, userdata);
                else
                        visit(&m->fields[i], userdata);
}

/* --- Checking --- */


typedef struct Check {
        JsonArena *arena;
        void (*unknown)(const char *path, void *userdata);
        void *userdata;
        Error *error;
        FieldPath path;
} Check;

static const char *go_type(const SchemaField *f) {
        switch (f->type) {
        case SCHEMA_STRING:
        case SCHEMA_BYTES:
                return "string";
        case SCHEMA_INTEGER:
                return f->is_long ? "int64" : "int32";
        case SCHEMA_BOOL:
                return "bool";
        case SCHEMA_FLOAT:
                return "float64";
        case SCHEMA_MESSAGE:
                return f->message ? f->message->name : "object";
        case SCHEMA_QUANTITY:
                return "resource.Quantity";
        case SCHEMA_INT_OR_STRING:
                return "intstr.IntOrString";
        default:
                return "time.Time";
        }
}

static int wrong_type(Check *c, const SchemaMessage *m, const SchemaField *f, const Json *v, const char *wanted) {
        static const char *const names[] = {
                [JSON_NULL] = "null", [JSON_BOOL] = "bool", [JSON_NUMBER] = "number",
                [JSON_STRING] = "string", [JSON_ARRAY] = "array", [JSON_OBJECT] = "object",
        };
        const char *dot = strrchr(m->name, '.'), *number = v->type == JSON_NUMBER && f->type == SCHEMA_INTEGER ? v->text : NULL;

        return error_set(c->error, -EINVAL, "json: cannot unmarshal %s%s%s into Go struct field %s.%s of type %s", names[v->type], number ? " " : "",
                         number ?: "", dot ? dot + 1 : m->name, c->path.text, wanted ?: go_type(f));
}

static bool is_integer(const Json *v, bool is_long) {
        int64_t i = json_i64(v, INT64_MIN);

        return v->type == JSON_NUMBER && (is_long ? i != INT64_MIN : i >= INT32_MIN && i <= INT32_MAX);
}

static bool has_type(const SchemaField *f, const Json *v) {
        switch (f->type) {
        case SCHEMA_STRING:
        case SCHEMA_BYTES:
        case SCHEMA_TIME:
        case SCHEMA_MICRO_TIME:
        case SCHEMA_DURATION:
                return v->type == JSON_STRING;
        case SCHEMA_INTEGER:
                return is_integer(v, f->is_long);
        case SCHEMA_BOOL:
                return v->type == JSON_BOOL;
        case SCHEMA_FLOAT:
                return v->type == JSON_NUMBER;
        case SCHEMA_QUANTITY:
                return v->type == JSON_STRING || v->type == JSON_NUMBER;
        case SCHEMA_INT_OR_STRING:
                return v->type == JSON_STRING || is_integer(v, false);
        case SCHEMA_MESSAGE:
                return v->type == JSON_OBJECT;
        case SCHEMA_WRAPPED_LIST:
                return v->type == JSON_ARRAY;
        default:
                return true;
        }
}

static int check_message(Check *c, const SchemaMessage *m, Json *object);

/* Kubernetes stores quantities in their canonical form; those too large for ours stay as they are. */
static int check_quantity(Check *c, Json *v) {
        char text[QUANTITY_TEXT_MAX], *copy;
        int r;

        v->type = JSON_STRING; /* a number's text is what was written */
        r = quantity_canonical(v->text, text);
        if (r == -EINVAL)
                return error_set(c->error, r, "%s: quantities must match the regular expression "
                                 "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'", c->path.text);
        copy = r < 0 || streq(text, v->text) ? NULL : json_arena_copy(c->arena, text, strlen(text));
        if (copy) {
                v->text = copy;
                v->size = strlen(copy);
        }
        return 0;
}

static int check_bytes(Check *c, const Json *v) {
        size_t at = base64_find_error(v->text, v->size);

        return at == SIZE_MAX ? 0 : error_set(c->error, -EINVAL, "illegal base64 data at input byte %zu", at);
}

static int check_time(Check *c, const Json *v) {
        usec_t ignored;

        if (parse_rfc3339(v->text, &ignored) >= 0)
                return 0;
        return error_set(c->error, -EINVAL, "parsing time \"%s\" as \"2006-01-02T15:04:05Z07:00\": it is not of that form", v->text);
}

static int check_value(Check *c, const SchemaMessage *m, const SchemaField *f, Json *v) {
        if (!has_type(f, v))
                return wrong_type(c, m, f, v, NULL);
        switch (f->type) {
        case SCHEMA_QUANTITY:
                return check_quantity(c, v);
        case SCHEMA_BYTES:
                return check_bytes(c, v);
        case SCHEMA_TIME:
        case SCHEMA_MICRO_TIME:
                return check_time(c, v);
        default:
                break;
        }
        return f->type == SCHEMA_MESSAGE && f->message ? check_message(c, f->message, v) : 0;
}

static int check_children(Check *c, const SchemaMessage *m, const SchemaField *f, Json *v) {
        size_t i = 0;

        if (v->type != (f->list ? JSON_ARRAY : JSON_OBJECT))
                return wrong_type(c, m, f, v, f->list ? "[]" : "map[string]");
        if ((f->message || f->merges || f->set) && v->size > SCHEMA_ITEMS_MAX)
                return error_set(c->error, -EINVAL, "%s has %zu items: there may be %d", c->path.text, v->size, SCHEMA_ITEMS_MAX);
        JSON_FOREACH(child, v) {
                size_t before = field_path_enter(&c->path, f->list ? NULL : child->key, i++);
                int r = 0;

                if (child->type == JSON_NULL && f->map && f->type == SCHEMA_STRING)
                        child->type = JSON_STRING, child->text = "", child->size = 0;
                else if (child->type == JSON_NULL)
                        json_detach(child);
                else
                        r = check_value(c, m, f, child);
                if (r < 0)
                        return r;
                field_path_leave(&c->path, before);
        }
        return 0;
}

/* The claims within a StatefulSet are objects that say what they are, too. */
static bool says_type(const SchemaMessage *m, const Json *v) {
        return streq(m->name, "core.v1.PersistentVolumeClaim") && v->type == JSON_STRING && (streq(v->key, "apiVersion") || streq(v->key, "kind"));
}

static int check_message(Check *c, const SchemaMessage *m, Json *object) {
        JSON_FOREACH(v, object) {
                const SchemaField *f = schema_field(m, v->key);
                size_t before = field_path_enter(&c->path, v->key, 0);
                int r = 0;

                if (!f && says_type(m, v))
                        ;
                else if (!f) {
                        c->unknown(c->path.text, c->userdata);
                        json_detach(v);
                } else if (v->type == JSON_NULL)
                        json_detach(v);
                else
                        r = f->list || f->map ? check_children(c, m, f, v) : check_value(c, m, f, v);
                if (r < 0)
                        return r;
                field_path_leave(&c->path, before);
        }
        return 0;
}

int schema_check(JsonArena *a, const SchemaMessage *m, Json *object, void (*unknown)(const char *path, void *userdata), void *userdata,
                 Error *reterr) {
        Check c = { .arena = a, .unknown = unknown, .userdata = userdata, .error = reterr };
        Json *api_version = json_detach(json_get(object, "apiVersion")), *kind = json_detach(json_get(object, "kind"));
        int r;

        if (!json_is(object, JSON_OBJECT))
                return error_set(reterr, -EINVAL, "json: cannot unmarshal a value that is not an object");
        r = m ? check_message(&c, m, object) : 0;
        /* kind and apiVersion are of every object, and not in the table. */
        if (api_version)
                json_append(object, api_version);
        if (kind)
                json_append(object, kind);
        return r;
}
