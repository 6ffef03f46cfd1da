/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/view.h"

#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

int view_from_request(HttpRequest *req, Cluster *c, const KubeResource *r, View *ret, Error *reterr) {
        static const char *const includes[] = { [TABLE_METADATA] = "Metadata", [TABLE_OBJECT] = "Object", [TABLE_NONE] = "None" };
        const char *accept = http_request_header(req, "Accept"), *include = http_request_query(req, "includeObject");
        const char *table = accept ? strstr(accept, "as=Table") : NULL;

        *ret = (View) { .cluster = c, .resource = r, .table_version = "v1" };
        if (table) {
                ret->form = VIEW_TABLE;
                /* the first one named is the one wanted most */
                if (strncmp(table, "as=Table;v=v1beta1", strlen("as=Table;v=v1beta1")) == 0)
                        ret->table_version = "v1beta1";
        }
        if (isempty(include))
                return 0;
        for (TableInclude i = 0; i < ELEMENTSOF(includes); i++)
                if (streq(include, includes[i])) {
                        ret->include = i;
                        return 0;
                }
        return error_set(reterr, -EINVAL, "includeObject: Unsupported value: \"%s\": supported values: \"Metadata\", \"None\", \"Object\"", include);
}

static void put_type(const char *kind, const char *version, StrBuf *b) {
        strbuf_printf(b, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":", kind, version);
}

static void put_object(View *v, const Object *o, uint64_t revision, StrBuf *b) {
        put_type(v->resource->kind, v->resource->api_version, b);
        v->resource->put_metadata(v->cluster, o, revision, b);
        v->resource->put_rest(v->cluster, o, b);
        strbuf_putc(b, '}');
}

static void put_row(View *v, const Object *o, uint64_t revision, StrBuf *b) {
        strbuf_puts(b, "{\"cells\":[");
        v->resource->put_cells(v->cluster, o, now_realtime(), b);
        strbuf_puts(b, "],\"object\":");
        switch (v->include) {
        case TABLE_OBJECT:
                put_object(v, o, revision, b);
                break;
        case TABLE_METADATA:
                put_type("PartialObjectMetadata", "meta.k8s.io/v1", b);
                v->resource->put_metadata(v->cluster, o, revision, b);
                strbuf_putc(b, '}');
                break;
        case TABLE_NONE:
                strbuf_puts(b, "null");
        }
        strbuf_putc(b, '}');
}

static void put_columns(const KubeResource *r, StrBuf *b) {
        for (const KubeColumn *c = r->columns; c->name; c++)
                strbuf_printf(b, "%s{\"name\":\"%s\",\"type\":\"string\",\"format\":\"%s\",\"description\":\"\",\"priority\":%d}",
                              c == r->columns ? "" : ",", c->name, c->is_name ? "name" : "", c->wide);
}

static void put_table_head(View *v, uint64_t revision, StrBuf *b) {
        strbuf_printf(b, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/%s\",\"metadata\":{\"resourceVersion\":\"%llu\"},\"columnDefinitions\":",
                      v->table_version, (unsigned long long) revision);
        if (v->has_columns)
                strbuf_puts(b, "null");
        else {
                strbuf_putc(b, '[');
                put_columns(v->resource, b);
                strbuf_putc(b, ']');
                v->has_columns = true;
        }
        strbuf_puts(b, ",\"rows\":[");
}

void view_put_one(View *v, const Object *o, uint64_t revision, StrBuf *b) {
        if (v->form == VIEW_OBJECT) {
                put_object(v, o, revision, b);
                return;
        }
        put_table_head(v, revision, b);
        put_row(v, o, revision, b);
        strbuf_puts(b, "]}");
}

void view_put_list_head(View *v, uint64_t revision, StrBuf *b) {
        if (v->form == VIEW_TABLE)
                put_table_head(v, revision, b);
        else {
                put_type(v->resource->list_kind, v->resource->api_version, b);
                strbuf_printf(b, "{\"resourceVersion\":\"%llu\"},\"items\":[", (unsigned long long) revision);
        }
}

void view_put_item(View *v, const Object *o, bool first, StrBuf *b) {
        if (!first)
                strbuf_putc(b, ',');
        if (v->form == VIEW_TABLE) {
                put_row(v, o, o->revision, b);
                return;
        }
        strbuf_puts(b, "{\"metadata\":"); /* the items of a list do not repeat kind and apiVersion */
        v->resource->put_metadata(v->cluster, o, o->revision, b);
        v->resource->put_rest(v->cluster, o, b);
        strbuf_putc(b, '}');
}

void view_put_list_tail(View *v _unused_, StrBuf *b) {
        strbuf_puts(b, "]}\n");
}

void view_put_bookmark(View *v, uint64_t revision, bool initial_end, StrBuf *b) {
        if (v->form == VIEW_TABLE) {
                put_table_head(v, revision, b);
                strbuf_puts(b, "]}");
                return;
        }
        put_type(v->resource->kind, v->resource->api_version, b);
        strbuf_printf(b, "{\"resourceVersion\":\"%llu\",\"creationTimestamp\":null%s}}", (unsigned long long) revision,
                      initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
}
