/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/view.h"

#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/kube/custom/custom.h"
#include "kubesimd/api/kube/overlay.h"

#define OBJECT_MAX (16 * MIB)

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
        } else if (accept && strstr(accept, "as=PartialObjectMetadata"))
                ret->form = VIEW_METADATA;
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

static void put_metadata(View *v, const Object *o, uint64_t revision, StrBuf *b) {
        if (v->resource->put_metadata) {
                v->resource->put_metadata(v->cluster, o, revision, b);
                return;
        }
        kube_put_metadata_head(o, revision, b);
        if (o->doc && *o->doc->metadata) {
                strbuf_putc(b, ',');
                strbuf_puts(b, o->doc->metadata);
        }
        strbuf_putc(b, '}');
}

/* ,"spec":... with what clients wrote into the status of a node or pod laid over ours. */
static void put_overlaid(View *v, const Object *o, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * OBJECT_MAX);
        _cleanup_strbuf_ StrBuf ours = STRBUF_INIT(OBJECT_MAX), theirs = STRBUF_INIT(OBJECT_MAX);
        Json *base, *extra;

        strbuf_puts(&ours, "{\"metadata\":{}");
        v->resource->put_rest(v->cluster, o, &ours);
        strbuf_putc(&ours, '}');
        strbuf_printf(&theirs, "{%s}", o->doc->status);
        if (strbuf_error(&ours) < 0 || strbuf_error(&theirs) < 0 || json_tree_parse(&a, ours.data, ours.size, &base, NULL) < 0 ||
            json_tree_parse(&a, theirs.data, theirs.size, &extra, NULL) < 0) {
                v->resource->put_rest(v->cluster, o, b);
                return;
        }
        overlay_put_status(&a, json_get(base, "status"), extra);
        if (v->resource->finish_status)
                v->resource->finish_status(o, &a, json_get(base, "status"));
        json_remove(base, "metadata");
        strbuf_putc(b, ',');
        json_put_members(b, base);
}

static void put_rest(View *v, const Object *o, StrBuf *b) {
        if (!v->resource->put_rest) {
                if (o->doc)
                        doc_put_rest(o->doc, b);
        } else if (!kind_is_document(o->kind) && o->doc && *o->doc->status)
                put_overlaid(v, o, b);
        else
                v->resource->put_rest(v->cluster, o, b);
}

static void put_object(View *v, const Object *o, uint64_t revision, StrBuf *b) {
        char version[KUBE_API_VERSION_MAX];

        if (v->form == VIEW_METADATA) {
                put_type("PartialObjectMetadata", "meta.k8s.io/v1", b);
                put_metadata(v, o, revision, b);
        } else {
                put_type(v->resource->kind, kube_api_version(v->resource, version), b);
                put_metadata(v, o, revision, b);
                put_rest(v, o, b);
        }
        strbuf_putc(b, '}');
}

/* Name and Created At. */
static void put_plain_cells(const Object *o, StrBuf *b) {
        json_put_string(b, object_name(o));
        strbuf_putc(b, ',');
        kube_put_time(b, o->created);
}

/* Columns of definitions may show anything of the object, its identity too. */
static void put_custom_cells(View *v, const Object *o, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * OBJECT_MAX);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(OBJECT_MAX);
        View whole = { .cluster = v->cluster, .resource = v->resource };
        Json *root = NULL;

        put_object(&whole, o, o->revision, &text);
        if (strbuf_error(&text) == 0)
                (void) json_tree_parse(&a, text.data, text.size, &root, NULL);
        custom_put_cells(v->resource, o, root, now_realtime(), b);
}

static void put_cells(View *v, const Object *o, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * OBJECT_MAX);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(OBJECT_MAX);
        Json *root = NULL;

        if (v->resource->custom)
                put_custom_cells(v, o, b);
        else if (v->resource->put_cells)
                v->resource->put_cells(v->cluster, o, now_realtime(), b);
        else if (!v->resource->put_document_cells)
                put_plain_cells(o, b);
        else {
                if (o->doc)
                        doc_put(o->doc, &text);
                if (o->doc && strbuf_error(&text) == 0)
                        (void) json_tree_parse(&a, text.data, text.size, &root, NULL);
                v->resource->put_document_cells(o, root, now_realtime(), b);
        }
}

/* Kubernetes marks rows of pods that are over. */
static void put_row_conditions(const Object *o, StrBuf *b) {
        PodStatus s = o->kind == KIND_POD ? ((const Pod*) o)->status : POD_RUNNING;

        if (s == POD_SUCCEEDED)
                strbuf_puts(b, ",\"conditions\":[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"Succeeded\",\"message\":\"The pod has completed successfully.\"}]");
        else if (s == POD_FAILED)
                strbuf_puts(b, ",\"conditions\":[{\"type\":\"Completed\",\"status\":\"True\",\"reason\":\"Failed\",\"message\":\"The pod failed.\"}]");
}

static void put_row(View *v, const Object *o, uint64_t revision, StrBuf *b) {
        strbuf_puts(b, "{\"cells\":[");
        put_cells(v, o, b);
        strbuf_putc(b, ']');
        put_row_conditions(o, b);
        strbuf_puts(b, ",\"object\":");
        switch (v->include) {
        case TABLE_OBJECT:
                put_object(v, o, revision, b);
                break;
        case TABLE_METADATA:
                put_type("PartialObjectMetadata", "meta.k8s.io/v1", b);
                put_metadata(v, o, revision, b);
                strbuf_putc(b, '}');
                break;
        case TABLE_NONE:
                strbuf_puts(b, "null");
        }
        strbuf_putc(b, '}');
}

static void put_columns(const KubeResource *r, StrBuf *b) {
        static const KubeColumn plain[] = { { .name = "Name", .type = "string", .is_name = true }, { .name = "Created At", .type = "date" }, {} };
        const KubeColumn *columns = r->columns ?: plain;

        for (const KubeColumn *c = columns; c->name; c++) {
                strbuf_puts(b, c == columns ? "{\"name\":" : ",{\"name\":");
                json_put_string(b, c->name);
                strbuf_puts(b, ",\"type\":");
                json_put_string(b, c->type);
                strbuf_puts(b, ",\"format\":");
                json_put_string(b, c->is_name ? "name" : strempty(c->format));
                strbuf_puts(b, ",\"description\":");
                json_put_string(b, strempty(c->description));
                strbuf_printf(b, ",\"priority\":%lld}", (long long) (c->priority ?: c->wide));
        }
}

static void put_meta(uint64_t revision, const ListRest *rest, StrBuf *b) {
        strbuf_printf(b, "{\"resourceVersion\":\"%llu\"", (unsigned long long) revision);
        if (rest && rest->token) {
                strbuf_puts(b, ",\"continue\":");
                json_put_string(b, rest->token);
                if (rest->remaining > 0)
                        strbuf_printf(b, ",\"remainingItemCount\":%zu", rest->remaining);
        }
        strbuf_putc(b, '}');
}

static void put_list_meta(const View *v, uint64_t revision, const ListRest *rest, StrBuf *b) {
        if (v->metadata_last)
                return;
        strbuf_puts(b, "\"metadata\":");
        put_meta(revision, rest, b);
        strbuf_putc(b, ',');
}

static void put_table_head(View *v, uint64_t revision, const ListRest *rest, StrBuf *b) {
        strbuf_printf(b, "{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/%s\",", v->table_version);
        put_list_meta(v, revision, rest, b);
        strbuf_puts(b, "\"columnDefinitions\":");
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
        if (v->form != VIEW_TABLE) {
                put_object(v, o, revision, b);
                return;
        }
        put_table_head(v, revision, NULL, b);
        put_row(v, o, revision, b);
        strbuf_puts(b, "]}");
}

void view_put_list_head(View *v, uint64_t revision, const ListRest *rest, StrBuf *b) {
        char version[KUBE_API_VERSION_MAX];

        if (v->form == VIEW_TABLE) {
                put_table_head(v, revision, rest, b);
                return;
        }
        if (v->form == VIEW_METADATA)
                strbuf_puts(b, "{\"kind\":\"PartialObjectMetadataList\",\"apiVersion\":\"meta.k8s.io/v1\",");
        else
                strbuf_printf(b, "{\"kind\":\"%s%s\",\"apiVersion\":\"%s\",", v->resource->list_kind ?: v->resource->kind,
                              v->resource->list_kind ? "" : "List", kube_api_version(v->resource, version));
        put_list_meta(v, revision, rest, b);
        strbuf_puts(b, "\"items\":[");
}

void view_put_item(View *v, const Object *o, bool first, StrBuf *b) {
        if (!first)
                strbuf_putc(b, ',');
        if (v->form == VIEW_TABLE) {
                put_row(v, o, o->revision, b);
                return;
        }
        if (v->form == VIEW_METADATA || v->resource->custom) {
                put_object(v, o, o->revision, b);
                return;
        }
        strbuf_puts(b, "{\"metadata\":"); /* the items of a list of our own kinds do not repeat kind and apiVersion */
        put_metadata(v, o, o->revision, b);
        put_rest(v, o, b);
        strbuf_putc(b, '}');
}

void view_put_list_tail(View *v, uint64_t revision, const ListRest *rest, StrBuf *b) {
        strbuf_putc(b, ']');
        if (v->metadata_last) {
                strbuf_puts(b, ",\"metadata\":");
                put_meta(revision, rest, b);
        }
        strbuf_puts(b, "}\n");
}

void view_put_bookmark(View *v, uint64_t revision, bool initial_end, StrBuf *b) {
        char version[KUBE_API_VERSION_MAX];

        if (v->form == VIEW_TABLE) {
                put_table_head(v, revision, NULL, b);
                strbuf_puts(b, "]}");
                return;
        }
        if (v->form == VIEW_METADATA)
                put_type("PartialObjectMetadata", "meta.k8s.io/v1", b);
        else
                put_type(v->resource->kind, kube_api_version(v->resource, version), b);
        strbuf_printf(b, "{\"resourceVersion\":\"%llu\",\"creationTimestamp\":null%s}}", (unsigned long long) revision,
                      initial_end ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : "");
}
