/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/pod-class.h"

#include "basic/alloc-util.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/model/pod-class-read.h"

#define TEXT_MAX MIB

static const char *const effect_names[_TAINT_EFFECT_MAX] = {
        [TAINT_NO_SCHEDULE] = "NoSchedule", [TAINT_PREFER_NO_SCHEDULE] = "PreferNoSchedule", [TAINT_NO_EXECUTE] = "NoExecute",
};

TaintEffect taint_effect_from_string(const char *s) {
        for (TaintEffect e = 0; s && e < _TAINT_EFFECT_MAX; e++)
                if (streq(effect_names[e], s))
                        return e;
        return _TAINT_EFFECT_INVALID;
}

const char *taint_effect_to_string(TaintEffect e) {
        assert(e >= 0 && e < _TAINT_EFFECT_MAX);
        return effect_names[e];
}

bool toleration_covers(const Toleration *t, const char *key, const char *value, TaintEffect effect) {
        if (t->effect != _TAINT_EFFECT_MAX && t->effect != (int) effect)
                return false;
        if (*t->key && !streq(t->key, key))
                return false;
        return t->exists || (*t->key && streq(t->value, value));
}

usec_t pod_class_tolerates(const PodClass *c, const char *key, const char *value, TaintEffect effect) {
        for (size_t i = 0; i < c->n_tolerations; i++)
                if (toleration_covers(&c->tolerations[i], key, value, effect))
                        return MAX(c->tolerations[i].span, (usec_t) 1); /* the first one counts (kubernetes, GetMatchingTolerations) */
        return 0;
}

static bool is_any_address(const char *ip) {
        return *ip == '\0' || streq(ip, "0.0.0.0") || streq(ip, "::");
}

bool host_port_conflicts(const HostPort *a, const HostPort *b) {
        return a->port == b->port && streq(a->protocol, b->protocol) && (is_any_address(a->ip) || is_any_address(b->ip) || streq(a->ip, b->ip));
}

const char *pod_class_label(const void *class, const char *key, bool of_name) {
        const PodClass *c = class;

        for (size_t i = 0; !of_name && i < c->n_labels; i++)
                if (streq(c->labels[i].key, key))
                        return c->labels[i].value;
        return NULL;
}

typedef struct NamespaceOf {
        const NamespaceLabels *labels;
        const char *name;
} NamespaceOf;

static const char *namespace_label(const void *of, const char *key, bool of_name _unused_) {
        const NamespaceOf *n = of;

        return n->labels->get ? n->labels->get(n->name, key, n->labels->userdata) : NULL;
}

static bool is_in_namespaces(const PodTerm *t, const char *namespace, const NamespaceLabels *namespaces) {
        for (size_t i = 0; i < t->n_names; i++)
                if (streq(t->names[i], namespace))
                        return true;
        return t->selects_namespaces && requirements_hold(&t->namespaces, namespace_label, &(NamespaceOf) { namespaces, namespace });
}

bool pod_term_matches(const PodTerm *t, const PodClass *other, const NamespaceLabels *namespaces) {
        return requirements_hold(&t->selector, pod_class_label, other) && is_in_namespaces(t, other->namespace, namespaces);
}

/* --- The pool --- */

static const char *class_text(const void *value) {
        return ((const PodClass*) value)->text;
}

static const char *shape_text(const void *value) {
        return ((const PodShape*) value)->text;
}

void pod_class_pool_init(PodClassPool *p, const uint64_t secret[2]) {
        *p = (PodClassPool) {};
        hashtable_init(&p->by_text, class_text, secret);
        hashtable_init(&p->shapes, shape_text, secret);
        list_init(&p->with_terms);
        list_init(&p->with_gang);
}

void pod_class_pool_done(PodClassPool *p) {
        assert(p->by_text.n_used == 0);
        hashtable_done(&p->by_text);
        hashtable_done(&p->shapes);
        free(p->priorities);
}

typedef struct PriorityCount {
        int32_t priority;
        size_t n_classes;
} PriorityCount;

/* Where it is, or would be. */
static size_t find_priority(const PodClassPool *p, int32_t priority) {
        size_t i = 0;

        while (i < p->n_priorities && p->priorities[i].priority < priority)
                i++;
        return i;
}

static int count_priority(PodClassPool *p, int32_t priority) {
        size_t i = find_priority(p, priority);

        if (i == p->n_priorities || p->priorities[i].priority != priority) {
                if (!GREEDY_REALLOC(p->priorities, p->priorities_allocated, p->n_priorities + 1))
                        return -ENOMEM;
                memmove(p->priorities + i + 1, p->priorities + i, (p->n_priorities++ - i) * sizeof(PriorityCount));
                p->priorities[i] = (PriorityCount) { .priority = priority };
        }
        p->priorities[i].n_classes++;
        return 0;
}

static void uncount_priority(PodClassPool *p, int32_t priority) {
        size_t i = find_priority(p, priority);

        if (--p->priorities[i].n_classes > 0)
                return;
        memmove(p->priorities + i, p->priorities + i + 1, (--p->n_priorities - i) * sizeof(PriorityCount));
}

bool pod_class_pool_has_lower(const PodClassPool *p, int32_t priority) {
        return priority > 0 || (p->n_priorities > 0 && p->priorities[0].priority < priority);
}

/* --- Shapes --- */

const PodClass *pod_shape_class(const PodShape *s) {
        return container_of(list_first(&s->classes), PodClass, in_shape);
}

static int shape_new(PodClassPool *p, const PodClass *c, char *text, PodShape **ret) {
        PodShape *s = new0(PodShape, 1);

        if (!s)
                return -ENOMEM;
        s->text = text;
        list_init(&s->classes);
        if (hashtable_put(&p->shapes, s) < 0) {
                free(s);
                return -ENOMEM;
        }
        if (c->n_affinity + c->n_anti_affinity + c->n_preferred_pods > 0) {
                list_append(&p->with_terms, &s->in_terms);
                p->terms_version++;
                p->n_anti += c->n_anti_affinity > 0;
        }
        *ret = s;
        return 0;
}

/* The first bytes of the class's text are the shape's. */
static int join_shape(PodClassPool *p, PodClass *c, size_t size) {
        _cleanup_free_ char *text = strndup(c->text, size);
        int r;

        if (!text)
                return -ENOMEM;
        c->shape = hashtable_get(&p->shapes, text);
        if (!c->shape) {
                r = shape_new(p, c, text, &c->shape);
                if (r < 0)
                        return r;
                TAKE_PTR(text);
        }
        list_append(&c->shape->classes, &c->in_shape);
        return 0;
}

static void leave_shape(PodClassPool *p, PodClass *c) {
        PodShape *s = c->shape;

        list_remove(&c->in_shape);
        if (!list_is_empty(&s->classes))
                return;
        (void) hashtable_remove(&p->shapes, s->text);
        if (list_is_linked(&s->in_terms)) {
                p->n_anti -= c->n_anti_affinity > 0;
                p->terms_version++;
                list_remove(&s->in_terms);
        }
        free(s->text);
        free(s);
}

/* --- Classes --- */

PodClass *pod_class_ref(PodClass *c) {
        assert(c->n_ref > 0);
        c->n_ref++;
        return c;
}

static void class_free(PodClass *c) {
        requirements_done(&c->node_selector);
        for (size_t i = 0; i < c->n_node_terms; i++)
                requirements_done(&c->node_terms[i]);
        for (size_t i = 0; i < c->n_preferred; i++)
                requirements_done(&c->preferred[i].requirements);
        for (size_t i = 0; i < c->n_spread; i++)
                requirements_done(&c->spread[i].selector);
        pod_terms_free(c->affinity, c->n_affinity);
        pod_terms_free(c->anti_affinity, c->n_anti_affinity);
        pod_terms_free(c->preferred_pods, c->n_preferred_pods);
        free(c->node_terms);
        free(c->preferred);
        free(c->spread);
        free(c->labels);
        free(c->extended);
        free(c->tolerations);
        free(c->ports);
        free(c->images);
        json_arena_done(&c->arena);
        free((char*) c->text);
        free(c);
}

PodClass *pod_class_unref(PodClass *c) {
        if (!c)
                return NULL;
        assert(c->n_ref > 0);
        if (--c->n_ref > 0)
                return NULL;
        if (c->pool) {
                (void) hashtable_remove(&c->pool->by_text, c->text);
                uncount_priority(c->pool, c->priority);
                leave_shape(c->pool, c);
        }
        list_remove(&c->in_gang);
        class_free(c);
        return NULL;
}

/* Enters it everywhere. -ENOMEM, and it is nowhere. */
static int enter(PodClassPool *p, PodClass *c, size_t shape_size) {
        int r;

        r = count_priority(p, c->priority);
        if (r < 0)
                return r;
        r = hashtable_put(&p->by_text, c);
        if (r >= 0) {
                r = join_shape(p, c, shape_size);
                if (r < 0)
                        (void) hashtable_remove(&p->by_text, c->text);
        }
        if (r < 0) {
                uncount_priority(p, c->priority);
                return r;
        }
        c->id = ++p->last_id;
        c->pool = p;
        if (c->gang.name)
                list_append(&p->with_gang, &c->in_gang);
        return 0;
}

static int class_new(PodClassPool *p, StrBuf *text, size_t shape_size, PodClass **ret) {
        _cleanup_(pod_class_unrefp) PodClass *c = NULL;
        char *copy;
        Json *root;
        int r;

        c = new0(PodClass, 1);
        if (!c)
                return -ENOMEM;
        c->n_ref = 1;
        c->arena = JSON_ARENA_INIT(8 * MIB);
        c->text = strdup(strbuf_str(text));
        copy = json_arena_copy(&c->arena, text->data, text->size);
        if (!c->text || !copy)
                return -ENOMEM;
        r = json_tree_parse(&c->arena, copy, text->size, &root, NULL);
        if (r >= 0)
                r = pod_class_read(c, root);
        if (r >= 0)
                r = enter(p, c, shape_size);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int pod_class_of(PodClassPool *p, const char *namespace, const Json *document, PodClass **ret, Error *reterr) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(TEXT_MAX);
        size_t shape_size;
        PodClass *c;
        int r;

        r = pod_class_put_text(namespace, document, &text, &shape_size, reterr);
        if (r < 0)
                return r;
        if (strbuf_error(&text) < 0)
                return strbuf_error(&text);
        c = hashtable_get(&p->by_text, strbuf_str(&text));
        if (c) {
                *ret = pod_class_ref(c);
                return 0;
        }
        return class_new(p, &text, shape_size, ret);
}
