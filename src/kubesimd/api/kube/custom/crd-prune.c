/* SPDX-License-Identifier: Apache-2.0 */
/* Pruning and defaulting of custom objects. */
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/crd.h"
#include "kubesimd/api/kube/types/field-path.h"
#include "kubesimd/api/kube/types/schema.h"

const Json *crd_member(const Json *schema, const char *key) {
        const Json *property = json_get(json_get(schema, "properties"), key), *others = json_get(schema, "additionalProperties");

        return property || !json_is(others, JSON_OBJECT) ? property : others;
}

typedef struct Prune {
        void (*unknown)(const char *path, void *userdata);
        void *userdata;
        Error *error;
        FieldPath path;
} Prune;

static bool is_typed(const char *key) {
        return streq(key, "apiVersion") || streq(key, "kind") || streq(key, "metadata");
}

static int prune(Prune *p, const Json *schema, Json *v, bool whole);

static int prune_object(Prune *p, const Json *schema, Json *v, bool whole) {
        bool keeps = crd_preserves(schema) || json_is_true(json_get(schema, "additionalProperties"));
        int r = 0;

        JSON_FOREACH(child, v) {
                const Json *of = crd_member(schema, child->key);
                size_t before = field_path_enter(&p->path, child->key, 0);

                if (of && !(whole && is_typed(child->key)))
                        r = prune(p, of, child, json_is_true(json_get(of, "x-kubernetes-embedded-resource")));
                else if (!keeps && !(whole && is_typed(child->key))) {
                        p->unknown(p->path.text, p->userdata);
                        json_detach(child);
                }
                if (r < 0)
                        return r;
                field_path_leave(&p->path, before);
        }
        return 0;
}

static int prune(Prune *p, const Json *schema, Json *v, bool whole) {
        const Json *items = json_get(schema, "items");
        size_t i = 0;
        int r = 0;

        if (v->type == JSON_OBJECT)
                return prune_object(p, schema, v, whole);
        if (v->type != JSON_ARRAY)
                return 0;
        if (json_get(schema, "x-kubernetes-list-type") && !streq_ptr(json_string(json_get(schema, "x-kubernetes-list-type")), "atomic") &&
            v->size > SCHEMA_ITEMS_MAX)
                return error_set(p->error, -EINVAL, "%s has %zu items: there may be %d", p->path.text, v->size, SCHEMA_ITEMS_MAX);
        JSON_FOREACH(item, v) {
                size_t before = field_path_enter(&p->path, NULL, i++);

                r = items ? prune(p, items, item, json_is_true(json_get(items, "x-kubernetes-embedded-resource"))) : 0;
                if (r < 0)
                        return r;
                field_path_leave(&p->path, before);
        }
        return 0;
}

int crd_prune(const Json *schema, Json *object, bool root, void (*unknown)(const char *path, void *userdata), void *userdata, Error *reterr) {
        Prune p = { .unknown = unknown, .userdata = userdata, .error = reterr };

        return prune(&p, schema, object, root);
}

static bool is_nullable(const Json *schema) {
        return !schema || json_is_true(json_get(schema, "nullable"));
}

void crd_default(JsonArena *a, const Json *schema, Json *object) {
        if (json_is(object, JSON_OBJECT)) {
                JSON_FOREACH(child, object)
                        if (child->type == JSON_NULL && !is_nullable(crd_member(schema, child->key)))
                                json_detach(child);
                JSON_FOREACH(property, json_get(schema, "properties"))
                        if (json_get(property, "default") && !json_get(object, property->key))
                                json_set(a, object, property->key, json_copy(a, json_get(property, "default")));
                JSON_FOREACH(child, object)
                        crd_default(a, crd_member(schema, child->key), child);
        } else if (json_is(object, JSON_ARRAY) && json_get(schema, "items"))
                JSON_FOREACH(item, object)
                        crd_default(a, json_get(schema, "items"), item);
}
