/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI documents of what is served, made of the table of kinds and the table of types: kubectl validates, explains, and
 * computes its patches by them. OpenAPI 3.0.0; for kubectl before 1.27 the protobuf form of 2.0 (github.com/google/gnostic). */
#include <stdio.h>

#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/resource.h"
#include "kubesimd/api/kube/support.h"

#define DOCUMENT_MAX (64 * MIB)
#define OBJECT_META "meta.v1.ObjectMeta"
#define V2_TYPE "application/octet-stream"
#define NAME_MAX_LETTERS 256

/* Where each group's Go types live, by the first label of the group. */
static const char *type_name(const SchemaMessage *m, char *buf) {
        bool meta = startswith(m->name, "meta.v1.");

        (void) snprintf(buf, NAME_MAX_LETTERS, meta ? "io.k8s.apimachinery.pkg.apis.%s" : "io.k8s.api.%s", m->name);
        return buf;
}

static void put_ref(const SchemaMessage *m, StrBuf *b) {
        char name[NAME_MAX_LETTERS];

        strbuf_printf(b, "\"allOf\":[{\"$ref\":\"#/components/schemas/%s\"}],\"default\":{}", type_name(m, name));
}

/* The members of its schema, without braces. */
static void put_scalar(const SchemaField *f, StrBuf *b) {
        switch (f->type) {
        case SCHEMA_INTEGER:
                return strbuf_puts(b, "\"type\":\"integer\",\"format\":\"int32\"");
        case SCHEMA_BOOL:
                return strbuf_puts(b, "\"type\":\"boolean\"");
        case SCHEMA_FLOAT:
                return strbuf_puts(b, "\"type\":\"number\",\"format\":\"double\"");
        case SCHEMA_BYTES:
                return strbuf_puts(b, "\"type\":\"string\",\"format\":\"byte\"");
        case SCHEMA_QUANTITY:
                return strbuf_puts(b, "\"oneOf\":[{\"type\":\"string\"},{\"type\":\"number\"}]");
        case SCHEMA_INT_OR_STRING:
                return strbuf_puts(b, "\"format\":\"int-or-string\",\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"string\"}]");
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
                        return put_ref(f->message, b);
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
        StrBuf *text;
} Properties;

static void put_property(const SchemaField *f, void *userdata) {
        const Properties *p = userdata;
        StrBuf *b = p->text;

        strbuf_printf(b, "%s\"%s\":{", b->data[b->size - 1] == '{' ? "" : ",", f->name);
        if (f->list) {
                strbuf_puts(b, "\"type\":\"array\",\"items\":{");
                put_scalar(f, b);
                strbuf_putc(b, '}');
                put_list_markers(f, b);
        } else if (f->map) {
                strbuf_puts(b, "\"type\":\"object\",\"additionalProperties\":{");
                put_scalar(f, b);
                strbuf_putc(b, '}');
        } else
                put_scalar(f, b);
        support_put(support_of_field(p->message->name, f->name), b);
        strbuf_putc(b, '}');
}

static void put_group_version_kind(const KubeResource *r, StrBuf *b) {
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
                put_group_version_kind(kube_resource_get(i), b);
        }
        strbuf_putc(b, ']');
}

static void put_schema(const SchemaMessage *m, StrBuf *b) {
        Properties properties = { .message = m, .text = b };
        bool is_kind = is_of_kind(m);
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
static void put_custom_schema(const KubeResource *r, StrBuf *b) {
        const Json *schema = r->custom->schema;

        strbuf_putc(b, '"');
        put_custom_name(r, b);
        strbuf_puts(b, "\":{\"properties\":{\"apiVersion\":{\"type\":\"string\"},\"kind\":{\"type\":\"string\"},\"metadata\":{");
        put_ref(schema_find(OBJECT_META), b);
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
        put_group_version_kind(r, b);
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

static bool is_in(const KubeResource *r, const char *group, const char *version) {
        return streq(r->group, group) && streq(r->version, version);
}

static void put_schemas(const KubeTable *t, const char *group, const char *version, Wanted *w, StrBuf *b) {
        bool first = true;

        for (size_t i = 0; i < t->n; i++) {
                const KubeResource *r = t->rows[i];
                const SchemaMessage *m = is_in(r, group, version) ? schema_find(r->custom ? OBJECT_META : r->schema) : NULL;

                if (m)
                        mark_type(m, w);
        }
        for (size_t i = 0; i < schema_count(); i++) {
                if (!w->marks[i])
                        continue;
                strbuf_puts(b, first ? "" : ",");
                put_schema(schema_get(i), b);
                first = false;
        }
        for (size_t i = 0; i < t->n; i++)
                if (t->rows[i]->custom && is_in(t->rows[i], group, version)) {
                        strbuf_puts(b, first ? "" : ",");
                        put_custom_schema(t->rows[i], b);
                        first = false;
                }
}

/* What kubectl looks at of a path: that a patch knows dryRun and fieldValidation, and of which kind it is. */
static void put_path(const KubeResource *r, StrBuf *b) {
        static const char *const types[] = {
                "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
        };
        static const char *const parameters[] = { "dryRun", "fieldManager", "fieldValidation", "force" };
        char version[KUBE_API_VERSION_MAX];

        strbuf_printf(b, "\"/%s/%s%s/%s/{name}\":{\"%s\":{\"x-kubernetes-group-version-kind\":", *r->group ? "apis" : "api", kube_api_version(r, version),
                      r->namespaced ? "/namespaces/{namespace}" : "", r->plural, r->read_only ? "get" : "patch");
        put_group_version_kind(r, b);
        if (r->read_only) {
                strbuf_puts(b, ",\"responses\":{\"200\":{\"description\":\"OK\"}}}}");
                return;
        }
        strbuf_printf(b, ",\"operationId\":\"patch%s\",\"x-kubernetes-action\":\"patch\"", r->kind);
        strbuf_puts(b, ",\"parameters\":[");
        for (size_t i = 0; i < ELEMENTSOF(parameters); i++)
                strbuf_printf(b, "%s{\"in\":\"query\",\"name\":\"%s\",\"schema\":{\"type\":\"string\"}}", i > 0 ? "," : "", parameters[i]);
        strbuf_puts(b, "],\"requestBody\":{\"content\":{");
        for (size_t i = 0; i < ELEMENTSOF(types) - (r->custom ? 1 : 0); i++) /* the last one is not known of custom objects */
                strbuf_printf(b, "%s\"%s\":{\"schema\":{\"type\":\"object\"}}", i > 0 ? "," : "", types[i]);
        strbuf_puts(b, "}},\"responses\":{\"200\":{\"description\":\"OK\"}}}}");
}

static int reply_document(HttpRequest *req, ApiContext *api, const char *group, const char *version, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(DOCUMENT_MAX);
        bool marks[1024] = {}, first = true;
        Wanted w = { .marks = marks };
        const KubeTable *t;
        int r;

        r = kube_table(api, &t, reterr);
        if (r < 0)
                return r;

        assert(schema_count() <= ELEMENTSOF(marks));
        strbuf_puts(&b, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":\"v1.32.0\"},\"paths\":{");
        for (size_t i = 0; i < t->n; i++) {
                if (!is_in(t->rows[i], group, version))
                        continue;
                strbuf_puts(&b, first ? "" : ",");
                put_path(t->rows[i], &b);
                first = false;
        }
        if (first)
                return error_set(reterr, -ENOENT, "the server could not find the requested resource");
        strbuf_puts(&b, "},\"components\":{\"schemas\":{");
        put_schemas(t, group, version, &w, &b);
        strbuf_puts(&b, "}}}\n");
        return http_reply(req, 200, KUBE_JSON, &b, t->revision);
}

int handle_openapi_v3_document(HttpRequest *req, void *userdata, Error *reterr) {
        bool grouped = startswith(http_request_path(req), "/openapi/v3/apis/");

        return reply_document(req, userdata, grouped ? http_request_param(req, 0) : "", grouped ? http_request_param(req, 1) : "v1", reterr);
}

/* The newest revision of a definition of that group: another document has another address. */
static uint64_t newest(const KubeTable *t, const char *group) {
        uint64_t revision = 0;

        for (size_t i = 0; i < t->n; i++)
                if (t->rows[i]->custom && streq(t->rows[i]->group, group))
                        revision = MAX(revision, custom_rows_definition(t->rows[i]->custom->rows)->object.revision);
        return revision;
}

int handle_openapi_v3(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        const KubeTable *t;
        int r;

        r = kube_table(userdata, &t, reterr);
        if (r < 0)
                return r;
        strbuf_puts(&b, "{\"paths\":{\"api/v1\":{\"serverRelativeURL\":\"/openapi/v3/api/v1?hash=" KUBESIM_VERSION "\"}");
        for (size_t i = 0; i < t->n; i++) {
                const KubeResource *row = t->rows[i];
                bool seen = *row->group == '\0';

                for (size_t k = 0; k < i && !seen; k++)
                        seen = is_in(t->rows[k], row->group, row->version);
                if (!seen)
                        strbuf_printf(&b, ",\"apis/%s/%s\":{\"serverRelativeURL\":\"/openapi/v3/apis/%s/%s?hash=" KUBESIM_VERSION "-%llu\"}", row->group,
                                      row->version, row->group, row->version, (unsigned long long) newest(t, row->group));
        }
        strbuf_puts(&b, "}}\n");
        return http_reply(req, 200, KUBE_JSON, &b, t->revision);
}

/* --- OpenAPI 2.0 as protobuf: gnostic's openapi.v2.Document, as much of it as kubectl asks for --- */

static void put_varint(StrBuf *b, uint64_t v) {
        for (; v >= 0x80; v >>= 7)
                strbuf_putc(b, (char) (v | 0x80));
        strbuf_putc(b, (char) v);
}

static void put_bytes(StrBuf *b, unsigned number, const char *data, size_t size) {
        put_varint(b, number << 3 | 2);
        put_varint(b, size);
        strbuf_append(b, data, size);
}

static void put_message(StrBuf *b, unsigned number, const StrBuf *message) {
        put_bytes(b, number, message->data, message->size);
}

static void put_text(StrBuf *b, unsigned number, const char *s) {
        put_bytes(b, number, s, strlen(s));
}

/* One that is wrapped in the messages of those numbers, the innermost last. */
static void put_nested(StrBuf *b, const unsigned *numbers, size_t n, const StrBuf *message) {
        _cleanup_strbuf_ StrBuf outer = STRBUF_INIT(64 * KIB);

        if (n == 1) {
                put_message(b, numbers[0], message);
                return;
        }
        put_nested(&outer, numbers + 1, n - 1, message);
        put_message(b, numbers[0], &outer);
}

static void put_v2_parameter(StrBuf *operation, const char *name) {
        static const unsigned numbers[] = { 8, 1, 2, 3 }; /* parameters, parameter, nonBodyParameter, queryParameterSubSchema */
        _cleanup_strbuf_ StrBuf p = STRBUF_INIT(KIB);

        put_text(&p, 2, "query");
        put_text(&p, 4, name);
        put_text(&p, 6, "string");
        put_nested(operation, numbers, ELEMENTSOF(numbers), &p);
}

static void put_v2_path(StrBuf *paths, const KubeResource *r) {
        _cleanup_strbuf_ StrBuf operation = STRBUF_INIT(16 * KIB), item = STRBUF_INIT(16 * KIB), named = STRBUF_INIT(16 * KIB);
        _cleanup_strbuf_ StrBuf any = STRBUF_INIT(KIB), extension = STRBUF_INIT(KIB), text = STRBUF_INIT(KIB);
        char version[KUBE_API_VERSION_MAX];

        put_v2_parameter(&operation, "dryRun");
        put_v2_parameter(&operation, "fieldManager");
        put_v2_parameter(&operation, "fieldValidation");
        strbuf_printf(&text, "group: \"%s\"\nkind: %s\nversion: %s\n", r->group, r->kind, r->version);
        put_text(&any, 2, strbuf_str(&text));
        put_text(&extension, 1, "x-kubernetes-group-version-kind");
        put_message(&extension, 2, &any);
        put_message(&operation, 13, &extension);
        put_message(&item, 8, &operation); /* patch */
        strbuf_clear(&text);
        strbuf_printf(&text, "/%s/%s%s/%s/{name}", *r->group ? "apis" : "api", kube_api_version(r, version), r->namespaced ? "/namespaces/{namespace}" : "",
                      r->plural);
        put_text(&named, 1, strbuf_str(&text));
        put_message(&named, 2, &item);
        put_message(paths, 2, &named);
}

int handle_openapi_v2(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(DOCUMENT_MAX), info = STRBUF_INIT(KIB), paths = STRBUF_INIT(DOCUMENT_MAX);
        const KubeTable *t;
        int r;

        r = kube_table(userdata, &t, reterr);
        if (r < 0)
                return r;
        put_text(&b, 1, "2.0");
        put_text(&info, 1, "Kubernetes");
        put_text(&info, 2, "v1.32.0");
        put_message(&b, 2, &info);
        for (size_t i = 0; i < t->n; i++)
                if (!t->rows[i]->read_only)
                        put_v2_path(&paths, t->rows[i]);
        put_message(&b, 8, &paths);
        return http_reply(req, 200, V2_TYPE, &b, t->revision);
}
