/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/selectors.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/state.h"

#define SPEC_MAX (4 * MIB)
#define TREE_MAX (16 * MIB)

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

int selector_of(const Object *o, JsonArena *a, const Json **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(SPEC_MAX);
        char *copy;
        Json *spec;
        int r;

        strbuf_puts(&b, "{");
        strbuf_puts(&b, o->doc->spec);
        strbuf_puts(&b, "}");
        r = strbuf_error(&b);
        copy = r < 0 ? NULL : json_arena_copy(a, b.data, b.size);
        if (!copy)
                return r < 0 ? r : json_arena_error(a);
        r = json_tree_parse(a, copy, b.size, &spec, NULL);
        *ret = r < 0 ? NULL : json_get(spec, "selector");
        return r;
}

/* --- Selectors that are kept ---
 *
 * As a text of requirements, all of which have to hold, so that it takes no more than it says: a letter for the operator and the key, each
 * value after a VALUE, and an empty string; each ends with a zero, as does the whole. */

#define VALUE '+'
#define NOTHING "X\0\0" /* never holds */

static const struct {
        const char *operator;
        char letter;
} operators[] = { { "In", 'I' }, { "NotIn", 'N' }, { "Exists", 'E' }, { "DoesNotExist", 'D' } };

static void put_string(StrBuf *b, const char *s) {
        strbuf_append(b, strempty(s), strlen(strempty(s)) + 1);
}

static void put_labels(StrBuf *b, const Json *map) {
        JSON_FOREACH(v, map) {
                strbuf_putc(b, 'I');
                put_string(b, v->key);
                strbuf_putc(b, VALUE);
                put_string(b, json_string(v));
                put_string(b, "");
        }
}

static void put_expression(StrBuf *b, const Json *e) {
        char letter = 'X';

        for (size_t i = 0; i < ELEMENTSOF(operators); i++)
                if (streq_ptr(json_string(json_get(e, "operator")), operators[i].operator))
                        letter = operators[i].letter;
        strbuf_putc(b, letter);
        put_string(b, json_string(json_get(e, "key")));
        JSON_FOREACH(v, json_get(e, "values")) {
                strbuf_putc(b, VALUE);
                put_string(b, json_string(v));
        }
        put_string(b, "");
}

void selector_put(Kind kind, const Json *selector, StrBuf *b) {
        if (kind == KIND_SERVICE ? !json_is(selector, JSON_OBJECT) || selector->size == 0 : !selector)
                strbuf_append(b, NOTHING, sizeof(NOTHING) - 1);
        else if (kind == KIND_SERVICE)
                put_labels(b, selector);
        else {
                put_labels(b, json_get(selector, "matchLabels"));
                JSON_FOREACH(e, json_get(selector, "matchExpressions"))
                        put_expression(b, e);
        }
        put_string(b, "");
}

static bool requirement_holds(char letter, const char *value, bool among) {
        switch (letter) {
        case 'I': return value && among;
        case 'N': return !value || !among;
        case 'E': return value;
        case 'D': return !value;
        default: return false;
        }
}

bool kept_selector_matches(const char *p, const Doc *d) {
        while (*p) {
                char letter = *p++;
                const char *value = doc_label(d, p);
                bool among = false;

                for (p += strlen(p) + 1; *p == VALUE; p += strlen(p) + 1)
                        among |= streq_ptr(value, p + 1);
                p++;
                if (!requirement_holds(letter, value, among))
                        return false;
        }
        return true;
}

static char **place_of(ObjectState *s) {
        Kind k = s->entry.object->kind;

        assert(k == KIND_SERVICE || k == KIND_POD_DISRUPTION_BUDGET);
        return k == KIND_SERVICE ? &timed_state(s)->selector : &budget_state(&s->entry)->selector;
}

const char *selector_kept(ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(TREE_MAX);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(SPEC_MAX);
        char **place = place_of(s), *copy;
        const Json *selector;

        if (*place)
                return *place;
        if (selector_of(s->entry.object, &a, &selector) < 0)
                return NULL;
        selector_put(s->entry.object->kind, selector, &b);
        copy = strbuf_error(&b) < 0 ? NULL : new0(char, b.size);
        if (copy)
                *place = memcpy(copy, b.data, b.size);
        return copy;
}

bool selects(ObjectState *s, const Object *pod) {
        const char *selector = selector_kept(s);

        return !selector || kept_selector_matches(selector, pod->doc);
}

void selector_follow(ObjectState *s, const Object *old, const Object *new) {
        Kind k = (new ?: old)->kind;

        if ((k != KIND_SERVICE && k != KIND_POD_DISRUPTION_BUDGET) || !old || (new && streq(old->doc->spec, new->doc->spec)))
                return;
        *place_of(s) = mfree(*place_of(s));
}

/* --- What selects the pods of a class (kube-scheduler, plugins/helper/spread.go: DefaultSelector) --- */

/* What has been found so far. */
typedef struct Selected {
        JsonArena arena;
        Json *labels, *expressions;
} Selected;

/* The controllers that count, and how they say whom they mean. */
static const struct {
        const char *kind;
        Kind store_kind;
        bool by_labels; /* a map, as Services have it; else a LabelSelector */
} selecting_controllers[] = {
        { "ReplicaSet/", KIND_REPLICA_SET, false },
        { "StatefulSet/", KIND_STATEFUL_SET, false },
        { "ReplicationController/", KIND_REPLICATION_CONTROLLER, true },
};

static bool has_labels(const PodClass *c, const Json *map) {
        JSON_FOREACH(v, map)
                if (!streq_ptr(pod_class_label(c, v->key, false), json_string(v)))
                        return false;
        return true;
}

static void add_labels(Selected *s, const Json *map) {
        JSON_FOREACH(v, map)
                json_set_string(&s->arena, s->labels, v->key, json_string(v));
}

/* All of it has to hold beside what Services say. */
static void add_selector(Selected *s, const Json *selector) {
        JSON_FOREACH(v, json_get(selector, "matchLabels")) {
                Json *e = json_new(&s->arena, JSON_OBJECT), *values = json_new(&s->arena, JSON_ARRAY);

                json_set_string(&s->arena, e, "key", v->key);
                json_set_string(&s->arena, e, "operator", "In");
                json_append(values, json_new_string(&s->arena, json_string(v)));
                json_set(&s->arena, e, "values", values);
                json_append(s->expressions, e);
        }
        JSON_FOREACH(v, json_get(selector, "matchExpressions"))
                json_append(s->expressions, json_copy(&s->arena, v));
}

static int add_service(Selected *s, const PodClass *c, const Object *service) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(TREE_MAX);
        const Json *selector;
        int r;

        r = selector_of(service, &a, &selector);
        if (r >= 0 && has_labels(c, selector))
                add_labels(s, selector);
        return r;
}

static int add_controller(Selected *s, Cluster *c, const PodClass *class) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(TREE_MAX);
        const Json *selector;
        int r;

        for (size_t i = 0; class->owner && i < ELEMENTSOF(selecting_controllers); i++) {
                const char *name = startswith(class->owner, selecting_controllers[i].kind);
                _cleanup_free_ char *key = name ? object_key(class->namespace, name) : NULL;
                StoreEntry *e;

                if (!name)
                        continue;
                e = key ? store_find(c->store, selecting_controllers[i].store_kind, key) : NULL;
                if (!e)
                        return key ? 0 : -ENOMEM;
                r = selector_of(e->object, &a, &selector);
                if (r < 0)
                        return r;
                if (selecting_controllers[i].by_labels)
                        add_labels(s, selector);
                else
                        add_selector(s, selector);
        }
        return 0;
}

static int add_services(Selected *s, Cluster *c, const PodClass *class) {
        _cleanup_free_ char *from = object_key(class->namespace, "");
        int r = from ? 0 : -ENOMEM;

        for (StoreEntry *e = from ? store_find_from(c->store, KIND_SERVICE, from) : NULL; e && r >= 0 && object_is_in(e->object, class->namespace);
             e = store_following(e))
                r = add_service(s, class, e->object);
        return r;
}

static int put_selected(Selected *s, Cluster *c, const PodClass *class, StrBuf *b) {
        Json *root = json_new(&s->arena, JSON_OBJECT);
        int r;

        s->labels = json_ensure(&s->arena, root, "matchLabels", JSON_OBJECT);
        s->expressions = json_ensure(&s->arena, root, "matchExpressions", JSON_ARRAY);
        r = add_services(s, c, class);
        if (r >= 0)
                r = add_controller(s, c, class);
        if (r >= 0)
                r = json_arena_error(&s->arena);
        if (r >= 0 && s->labels->size + s->expressions->size > 0)
                json_put(b, root);
        return r;
}

int pod_selectors_put(const PodClass *class, StrBuf *b, void *cluster) {
        Selected s = { .arena = JSON_ARENA_INIT(TREE_MAX) };
        int r;

        r = put_selected(&s, cluster, class, b);
        json_arena_done(&s.arena);
        return r;
}

void pod_selectors_follow(Cluster *c, const Object *old, const Object *new) {
        Kind kind = (new ?: old)->kind;
        bool counts = kind == KIND_SERVICE;

        for (size_t i = 0; i < ELEMENTSOF(selecting_controllers); i++)
                counts |= kind == selecting_controllers[i].store_kind;
        if (counts && (!old || !new || !streq(old->doc->spec, new->doc->spec)))
                c->scheduler.selectors_version++;
}
