/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/overlay.h"

#include "basic/string-util.h"

static Json *find_condition(const Json *list, const Json *like) {
        const char *type = json_string(json_get(like, "type"));

        JSON_FOREACH(v, list)
                if (type && streq_ptr(json_string(json_get(v, "type")), type))
                        return v;
        return NULL;
}

void overlay_put(JsonArena *a, Json *base, const Json *extra) {
        JSON_FOREACH(v, extra) {
                Json *present = json_get(base, v->key);

                if (streq(v->key, "conditions") && json_is(present, JSON_ARRAY)) {
                        JSON_FOREACH(condition, v)
                                if (!find_condition(present, condition))
                                        json_append(present, json_copy(a, condition));
                } else if (json_is(present, JSON_OBJECT) && v->type == JSON_OBJECT)
                        overlay_put(a, present, v);
                else
                        json_set(a, base, v->key, json_copy(a, v));
        }
}

void overlay_put_status(JsonArena *a, Json *base, const Json *extra) {
        Json *allocatable = json_get(base, "allocatable");

        if (allocatable && !json_get(extra, "allocatable"))
                overlay_put(a, allocatable, json_get(extra, "capacity"));
        overlay_put(a, base, extra);
}

void overlay_subtract(Json *value, const Json *base) {
        JSON_FOREACH(v, value) {
                const Json *ours = json_get(base, v->key);

                if (streq(v->key, "conditions") && v->type == JSON_ARRAY) {
                        JSON_FOREACH(condition, v)
                                if (find_condition(ours, condition))
                                        json_detach(condition);
                } else if (json_is(ours, JSON_OBJECT) && v->type == JSON_OBJECT)
                        overlay_subtract(v, ours);
                if ((ours && json_equal(v, ours)) || ((v->type == JSON_OBJECT || v->type == JSON_ARRAY) && v->size == 0))
                        json_detach(v);
        }
}
