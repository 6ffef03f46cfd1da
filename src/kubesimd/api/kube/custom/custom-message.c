/* SPDX-License-Identifier: Apache-2.0 */
/* A schema as a message of the table of types, so that apply and managedFields work on it as on all others. */
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/crd.h"
#include "kubesimd/api/kube/custom/custom.h"

static const SchemaMessage *make_message(CustomRows *r, const char *name, const Json *schema, size_t extra);

/* "a,b" of the keys of a list. */
static const char *join_keys(CustomRows *r, const Json *keys) {
        size_t size = 1;
        char *s, *w;

        JSON_FOREACH(k, keys)
                size += strlen(strempty(json_string(k))) + 1;
        s = w = custom_rows_alloc(r, size);
        if (!s)
                return NULL;
        JSON_FOREACH(k, keys) {
                if (w > s)
                        *w++ = ',';
                w = stpcpy(w, strempty(json_string(k)));
        }
        return s;
}

static bool make_scalar(const char *type, SchemaField *f) {
        f->is_long = true;
        f->type = streq(type, "boolean") ? SCHEMA_BOOL : streq(type, "integer") ? SCHEMA_INTEGER : streq(type, "number") ? SCHEMA_FLOAT : SCHEMA_STRING;
        return true;
}

/* Lists are one value unless the schema says how their items are told apart. */
static bool make_list(CustomRows *r, const Json *schema, SchemaField *f) {
        const char *type = json_string(json_get(schema, "x-kubernetes-list-type"));

        f->list = true;
        f->type = SCHEMA_MESSAGE;
        if (streq_ptr(type, "set"))
                f->set = true;
        else if (streq_ptr(type, "map")) {
                f->list_keys = join_keys(r, json_get(schema, "x-kubernetes-list-map-keys"));
                f->message = make_message(r, f->name, json_get(schema, "items"), 0);
                return f->list_keys && f->message;
        }
        return true;
}

static bool make_field(CustomRows *r, const char *name, const Json *schema, SchemaField *f) {
        const char *type = strempty(json_string(json_get(schema, "type")));

        *f = (SchemaField) { .name = name };
        if (streq(type, "array"))
                return make_list(r, schema, f);
        if (*type && !streq(type, "object"))
                return make_scalar(type, f);
        f->type = SCHEMA_MESSAGE;
        f->atomic = streq_ptr(json_string(json_get(schema, "x-kubernetes-map-type")), "atomic");
        f->message = make_message(r, name, schema, json_is_true(json_get(schema, "x-kubernetes-embedded-resource")));
        return f->message;
}

/* extra: room for one more field at the end, the metadata that every object has. */
static const SchemaMessage *make_message(CustomRows *r, const char *name, const Json *schema, size_t extra) {
        const Json *properties = json_get(schema, "properties"), *others = json_get(schema, "additionalProperties");
        size_t n = (properties ? properties->size : 0) + extra;
        SchemaMessage *m = custom_rows_alloc(r, sizeof(SchemaMessage));
        SchemaField *fields = custom_rows_alloc(r, (n + 1) * sizeof(SchemaField)), *any;

        if (!m || !fields)
                return NULL;
        *m = (SchemaMessage) { .name = name, .fields = fields };
        JSON_FOREACH(p, properties) {
                if (extra > 0 && streq(p->key, "metadata"))
                        continue;
                if (!make_field(r, p->key, p, &fields[m->n_fields++]))
                        return NULL;
        }
        if (extra > 0)
                fields[m->n_fields++] = (SchemaField) { .name = "metadata", .type = SCHEMA_MESSAGE, .message = schema_find("meta.v1.ObjectMeta") };
        if (json_is(others, JSON_OBJECT)) {
                m->others = any = custom_rows_alloc(r, sizeof(SchemaField));
                if (!any || !make_field(r, "", others, any))
                        return NULL;
        }
        return m;
}

const SchemaMessage *custom_make_message(CustomRows *r, const char *kind, const Json *schema) {
        return make_message(r, kind, schema, 1);
}
