/* SPDX-License-Identifier: Apache-2.0 */
/* What the pipeline of a write and the tables of a read ask about objects of CustomResourceDefinitions. */
#include <stdlib.h>

#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/kube/custom/crd.h"
#include "kubesimd/api/kube/custom/custom.h"
#include "kubesimd/api/kube/kinds/rules.h"

#define CELL_MAX (64 * KIB)

/* --- Writing --- */

/* The metadata is of a type of ours. */
static int check_metadata(KubeWrite *w, Json *object, void (*unknown)(const char *path, void *userdata), Error *reterr) {
        const SchemaField field = { .name = "metadata", .type = SCHEMA_MESSAGE, .message = schema_find("meta.v1.ObjectMeta") };
        const SchemaMessage message = { .name = w->resource->kind, .fields = &field, .n_fields = 1 };
        Json *alone, *metadata = json_detach(json_get(object, "metadata"));
        int r;

        if (!metadata)
                return 0;
        alone = json_new(&w->arena, JSON_OBJECT);
        json_set(&w->arena, alone, "metadata", metadata);
        r = schema_check(&w->arena, &message, alone, unknown, w, reterr);
        if (json_get(alone, "metadata"))
                json_set(&w->arena, object, "metadata", json_detach(json_get(alone, "metadata")));
        return r;
}

int custom_check_fields(KubeWrite *w, Json *object, void (*unknown)(const char *path, void *userdata), Error *reterr) {
        int r;

        r = check_metadata(w, object, unknown, reterr);
        return r < 0 ? r : crd_prune(w->resource->custom->schema, object, true, unknown, w, reterr);
}

void custom_complete(KubeWrite *w, Json *object, const Json *old _unused_) {
        crd_default(&w->arena, w->resource->custom->schema, object);
}

void custom_validate(KubeWrite *w, const Json *object, const Json *old) {
        if (!w->causes)
                w->causes = json_new(&w->arena, JSON_ARRAY);
        crd_validate(&w->arena, w->resource->custom->schema, object, old, "", w->causes);
}

static bool counts(const KubeWrite *w, const char *key) {
        return !streq(key, "apiVersion") && !streq(key, "kind") && !streq(key, "metadata") &&
               !(streq(key, "status") && kube_resource_has(w->resource, "status"));
}

static bool has_all(const KubeWrite *w, const Json *a, const Json *b) {
        JSON_FOREACH(v, a)
                if (counts(w, v->key) && !json_equal(v, json_get(b, v->key)))
                        return false;
        return true;
}

void custom_count_generation(KubeWrite *w, Json *object, const Json *old) {
        int64_t generation = json_i64(json_at(old, "metadata", "generation", NULL), 0);

        json_set_i64(&w->arena, json_ensure(&w->arena, object, "metadata", JSON_OBJECT), "generation",
                     generation + !(has_all(w, object, old) && has_all(w, old, object)));
}

/* --- Tables --- */

static void put_number(StrBuf *b, const Json *v, bool whole) {
        if (!whole || !strpbrk(v->text, ".eE"))
                strbuf_puts(b, v->text);
        else {
                double d = MIN(strtod(v->text, NULL), 9e18);

                strbuf_put_i64(b, (int64_t) MAX(d, -9e18));
        }
}

static void put_date(StrBuf *b, const char *s, usec_t now) {
        usec_t since;

        if (parse_rfc3339(s, &since) < 0)
                strbuf_puts(b, "\"<invalid>\"");
        else
                kube_put_age(b, since, now);
}

/* As text: what it is, or JSON of lists and objects. */
static void put_text(StrBuf *b, const Json *v) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(CELL_MAX);

        if (v->type == JSON_STRING) {
                json_put_string(b, v->text);
                return;
        }
        json_put(&text, v);
        json_put_string(b, strbuf_error(&text) < 0 ? "..." : strbuf_str(&text));
}

/* A value of another type than the column's is no value. */
static void put_cell(StrBuf *b, const char *type, const Json *v, usec_t now) {
        if (!v || v->type == JSON_NULL)
                strbuf_puts(b, "null");
        else if (streq(type, "string"))
                put_text(b, v);
        else if (v->type == JSON_NUMBER && (streq(type, "integer") || streq(type, "number")))
                put_number(b, v, streq(type, "integer"));
        else if (v->type == JSON_BOOL && streq(type, "boolean"))
                strbuf_puts(b, v->boolean ? "true" : "false");
        else if (v->type == JSON_STRING && streq(type, "date"))
                put_date(b, v->text, now);
        else
                strbuf_puts(b, "null");
}

void custom_put_cells(const KubeResource *r, const Object *o, const Json *root, usec_t now, StrBuf *b) {
        json_put_string(b, object_name(o));
        for (size_t i = 1; r->columns[i].name; i++) {
                const JsonPath *path = r->custom->columns[i - 1];

                strbuf_putc(b, ',');
                put_cell(b, r->columns[i].type, path ? jsonpath_find(path, root) : NULL, now);
        }
}
