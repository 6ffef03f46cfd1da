/* SPDX-License-Identifier: Apache-2.0 */
/* Types as OpenAPI describes them: of the table of types, and as definitions of clients have them. */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/discovery/openapi-internal.h"
#include "kubesimd/api/kube/types/support.h"

#define OBJECT_META "meta.v1.ObjectMeta"
#define NAME_MAX_LETTERS 256
/* What is of one type or another has a name of its own in version 3: kubectl explain shows that. */
#define QUANTITY "io.k8s.apimachinery.pkg.api.resource.Quantity"
#define INT_OR_STRING "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
#define REF3(name) "\"allOf\":[{\"$ref\":\"#/components/schemas/" name "\"}]"

/* Where each group's Go types live, by the first label of the group. */
static const char *type_name(const SchemaMessage *m, char *buf) {
        bool meta = startswith(m->name, "meta.v1.");

        (void) snprintf(buf, NAME_MAX_LETTERS, meta ? "io.k8s.apimachinery.pkg.apis.%s" : "io.k8s.api.%s", m->name);
        return buf;
}

static void put_ref(const SchemaMessage *m, OpenApiVersion v, StrBuf *b) {
        char name[NAME_MAX_LETTERS];

        if (v == OPENAPI_V2)
                strbuf_printf(b, "\"$ref\":\"#/definitions/%s\"", type_name(m, name));
        else
                strbuf_printf(b, "\"allOf\":[{\"$ref\":\"#/components/schemas/%s\"}],\"default\":{}", type_name(m, name));
}

/* The members of its schema, without braces. */
static void put_scalar(const SchemaField *f, OpenApiVersion v, StrBuf *b) {
        switch (f->type) {
        case SCHEMA_INTEGER:
                return strbuf_puts(b, f->is_long ? "\"type\":\"integer\",\"format\":\"int64\"" : "\"type\":\"integer\",\"format\":\"int32\"");
        case SCHEMA_BOOL:
                return strbuf_puts(b, "\"type\":\"boolean\"");
        case SCHEMA_FLOAT:
                return strbuf_puts(b, "\"type\":\"number\",\"format\":\"double\"");
        case SCHEMA_BYTES:
                return strbuf_puts(b, "\"type\":\"string\",\"format\":\"byte\"");
        case SCHEMA_QUANTITY:
                return strbuf_puts(b, v == OPENAPI_V2 ? "\"type\":\"string\"" : REF3(QUANTITY));
        case SCHEMA_INT_OR_STRING:
                return strbuf_puts(b, v == OPENAPI_V2 ? "\"type\":\"string\",\"format\":\"int-or-string\"" : REF3(INT_OR_STRING));
        case SCHEMA_TIME:
        case SCHEMA_MICRO_TIME:
                return strbuf_puts(b, "\"type\":\"string\",\"format\":\"date-time\"");
        case SCHEMA_FIELDS:
        case SCHEMA_RAW:
                return strbuf_puts(b, "\"type\":\"object\"");
        case SCHEMA_WRAPPED_LIST:
                return strbuf_puts(b, "\"type\":\"array\",\"items\":{\"type\":\"string\"}");
        case SCHEMA_MESSAGE:
                if (f->message)
                        return put_ref(f->message, v, b);
                return strbuf_puts(b, "\"type\":\"object\"");
        default:
                strbuf_puts(b, "\"type\":\"string\"");
        }
}

/* "a,b" as ["a","b"]. */
static void put_keys(const char *keys, StrBuf *b) {
        strbuf_puts(b, "[\"");
        for (; *keys; keys++)
                if (*keys == ',')
                        strbuf_puts(b, "\",\"");
                else
                        strbuf_putc(b, *keys);
        strbuf_puts(b, "\"]");
}

static void put_list_markers(const SchemaField *f, StrBuf *b) {
        if (f->merges)
                strbuf_printf(b, ",\"x-kubernetes-patch-strategy\":\"%s\"", f->retains_keys ? "merge,retainKeys" : "merge");
        if (f->merge_key)
                strbuf_printf(b, ",\"x-kubernetes-patch-merge-key\":\"%s\"", f->merge_key);
        if (f->list_keys) {
                strbuf_puts(b, ",\"x-kubernetes-list-type\":\"map\",\"x-kubernetes-list-map-keys\":");
                put_keys(f->list_keys, b);
        } else if (f->set || f->atomic)
                strbuf_printf(b, ",\"x-kubernetes-list-type\":\"%s\"", f->set ? "set" : "atomic");
}

/* Where the properties of a message go. */
typedef struct Properties {
        const SchemaMessage *message;
        OpenApiVersion version;
        StrBuf *text;
        bool more; /* one has been put */
} Properties;

static void put_property(const SchemaField *f, void *userdata) {
        Properties *p = userdata;
        StrBuf *b = p->text;

        strbuf_printf(b, "%s\"%s\":{", p->more ? "," : "", f->name);
        p->more = true;
        if (f->list) {
                strbuf_puts(b, "\"type\":\"array\",\"items\":{");
                put_scalar(f, p->version, b);
                strbuf_putc(b, '}');
                put_list_markers(f, b);
        } else if (f->map) {
                strbuf_puts(b, "\"type\":\"object\",\"additionalProperties\":{");
                put_scalar(f, p->version, b);
                strbuf_putc(b, '}');
        } else
                put_scalar(f, p->version, b);
        support_put(support_of_field(p->message->name, f->name), b);
        strbuf_putc(b, '}');
}

void openapi_put_kind(const KubeResource *r, StrBuf *b) {
        strbuf_printf(b, "{\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"}", r->group, r->version, r->kind);
}

static bool is_of_kind(const SchemaMessage *m) {
        for (size_t i = 0; i < kube_resource_count(); i++)
                if (streq_ptr(kube_resource_get(i)->schema, m->name))
                        return true;
        return false;
}

/* The kinds whose objects are of that type; some are served in two versions. */
static void put_kinds(const SchemaMessage *m, StrBuf *b) {
        size_t n = 0;

        for (size_t i = 0; i < kube_resource_count(); i++) {
                if (!streq_ptr(kube_resource_get(i)->schema, m->name))
                        continue;
                strbuf_puts(b, n++ > 0 ? "," : ",\"x-kubernetes-group-version-kind\":[");
                openapi_put_kind(kube_resource_get(i), b);
        }
        strbuf_putc(b, ']');
}

static void put_schema(const SchemaMessage *m, OpenApiVersion v, StrBuf *b) {
        Properties properties = { .message = m, .version = v, .text = b, .more = is_of_kind(m) };
        bool is_kind = properties.more;
        char name[NAME_MAX_LETTERS];

        strbuf_printf(b, "\"%s\":{\"type\":\"object\",\"properties\":{", type_name(m, name));
        if (is_kind)
                strbuf_puts(b, "\"apiVersion\":{\"type\":\"string\"},\"kind\":{\"type\":\"string\"}");
        schema_each_field(m, put_property, &properties);
        strbuf_putc(b, '}');
        if (is_kind) {
                put_kinds(m, b);
                support_put(support_of_kind(m->name), b);
        }
        if (m->atomic)
                strbuf_puts(b, ",\"x-kubernetes-map-type\":\"atomic\"");
        strbuf_putc(b, '}');
}

/* "com.example.stable.v1.CronTab" of stable.example.com. */
static void put_custom_name(const KubeResource *r, StrBuf *b) {
        const char *end = r->group + strlen(r->group), *dot;

        while (end > r->group) {
                for (dot = end; dot > r->group && dot[-1] != '.'; dot--)
                        ;
                strbuf_append(b, dot, (size_t) (end - dot));
                strbuf_putc(b, '.');
                end = dot > r->group ? dot - 1 : dot;
        }
        strbuf_printf(b, "%s.%s", r->version, r->kind);
}

/* The schema as it was written, with what every object has. */
static void put_custom_schema(const KubeResource *r, OpenApiVersion v, StrBuf *b) {
        const Json *schema = r->custom->schema;

        strbuf_putc(b, '"');
        put_custom_name(r, b);
        strbuf_puts(b, "\":{\"properties\":{\"apiVersion\":{\"type\":\"string\"},\"kind\":{\"type\":\"string\"},\"metadata\":{");
        put_ref(schema_find(OBJECT_META), v, b);
        strbuf_putc(b, '}');
        JSON_FOREACH(p, json_get(schema, "properties"))
                if (!streq(p->key, "apiVersion") && !streq(p->key, "kind") && !streq(p->key, "metadata")) {
                        strbuf_putc(b, ',');
                        json_put_member(b, p);
                }
        strbuf_putc(b, '}');
        JSON_FOREACH(member, schema)
                if (!streq(member->key, "properties")) {
                        strbuf_putc(b, ',');
                        json_put_member(b, member);
                }
        strbuf_puts(b, ",\"x-kubernetes-group-version-kind\":[");
        openapi_put_kind(r, b);
        strbuf_puts(b, "]}");
}

/* Types that a document has to describe: those of its kinds, and what they are made of. */
typedef struct Wanted {
        bool *marks; /* by place in the table */
} Wanted;

static void mark_type(const SchemaMessage *m, Wanted *w);

static void mark_field(const SchemaField *f, void *userdata) {
        if (f->message)
                mark_type(f->message, userdata);
}

static void mark_type(const SchemaMessage *m, Wanted *w) {
        size_t i = (size_t) (m - schema_get(0));

        if (w->marks[i])
                return;
        w->marks[i] = true;
        schema_each_field(m, mark_field, w);
}

bool openapi_has(const KubeResource *r, const char *group, const char *version) {
        return !group || (streq(r->group, group) && streq(r->version, version));
}

static void put_alternatives(StrBuf *b) {
        strbuf_puts(b, "\"" QUANTITY "\":{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]},"
                    "\"" INT_OR_STRING "\":{\"format\":\"int-or-string\",\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]}");
}

void openapi_put_schemas(const KubeTable *t, const char *group, const char *version, OpenApiVersion v, StrBuf *b) {
        bool marks[1024] = {}, first = true;
        Wanted w = { .marks = marks };

        assert(schema_count() <= ELEMENTSOF(marks));
        for (size_t i = 0; i < t->n; i++) {
                const KubeResource *r = t->rows[i];
                const SchemaMessage *m = openapi_has(r, group, version) ? schema_find(r->custom ? OBJECT_META : r->schema) : NULL;

                if (m)
                        mark_type(m, &w);
        }
        if (v == OPENAPI_V3) {
                put_alternatives(b);
                first = false;
        }
        for (size_t i = 0; i < schema_count(); i++) {
                if (!marks[i])
                        continue;
                strbuf_puts(b, first ? "" : ",");
                put_schema(schema_get(i), v, b);
                first = false;
        }
        for (size_t i = 0; i < t->n; i++)
                if (t->rows[i]->custom && openapi_has(t->rows[i], group, version)) {
                        strbuf_puts(b, first ? "" : ",");
                        put_custom_schema(t->rows[i], v, b);
                        first = false;
                }
}
