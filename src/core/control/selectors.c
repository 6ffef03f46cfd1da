/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/selectors.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

static bool is_among(const Json *values, const char *s) {
        JSON_FOREACH(v, values)
                if (streq_ptr(json_string(v), s))
                        return true;
        return false;
}

static bool expression_holds(const Json *e, const Doc *d) {
        const char *op = strempty(json_string(json_get(e, "operator")));
        const char *value = doc_label(d, strempty(json_string(json_get(e, "key"))));
        const Json *values = json_get(e, "values");

        if (streq(op, "In"))
                return value && is_among(values, value);
        if (streq(op, "NotIn"))
                return !value || !is_among(values, value);
        if (streq(op, "Exists"))
                return value;
        return streq(op, "DoesNotExist") && !value;
}

static bool map_holds(const Json *map, const Doc *d) {
        JSON_FOREACH(v, map)
                if (!streq_ptr(doc_label(d, v->key), json_string(v)))
                        return false;
        return true;
}

bool label_selector_matches(const Json *selector, const Doc *d) {
        if (!selector || !map_holds(json_get(selector, "matchLabels"), d))
                return false;
        JSON_FOREACH(e, json_get(selector, "matchExpressions"))
                if (!expression_holds(e, d))
                        return false;
        return true;
}

bool label_map_matches(const Json *map, const Doc *d) {
        return json_is(map, JSON_OBJECT) && map->size > 0 && map_holds(map, d);
}

bool selects(const Object *o, const Object *pod) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);
        const Json *selector;
        Json *spec;

        strbuf_puts(&b, "{");
        strbuf_puts(&b, o->doc->spec);
        strbuf_puts(&b, "}");
        if (strbuf_error(&b) < 0 || json_tree_parse(&a, b.data, b.size, &spec, NULL) < 0)
                return true; /* whoever looks again will see */
        selector = json_get(spec, "selector");
        return o->kind == KIND_SERVICE ? label_map_matches(selector, pod->doc) : label_selector_matches(selector, pod->doc);
}
