/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/victims.h"

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "core/control/controllers/workload.h"
#include "core/control/turn.h"

#define ANNOTATION_DELETION_COST "controller.kubernetes.io/pod-deletion-cost"

typedef struct Victim {
        uint64_t rank; /* the lower, the less it is missed */
        uint64_t id;
} Victim;

struct Victims {
        Victim *heap;
        size_t n, allocated;
        uint64_t scanned; /* pods up to this id are in it */
        bool complete;
};

Victims *victims_free(Victims *v) {
        if (!v)
                return NULL;
        free(v->heap);
        return mfree(v);
}

void victims_forget(ObjectState *s) {
        timed_state(s)->victims = victims_free(timed_state(s)->victims);
}

static int64_t deletion_cost(const Pod *p) {
        const char *s = doc_annotation(p->object.doc, ANNOTATION_DELETION_COST);
        uint64_t v;

        if (!s)
                return 0;
        return parse_u64(*s == '-' ? s + 1 : s, &v) < 0 || v > INT32_MAX ? 0 : *s == '-' ? -(int64_t) v : (int64_t) v;
}

/* The pod that is missed least comes first: without a node, not running, cheap; and of those that are alike, the young ones.
 * Kubernetes documentation, "ReplicaSet", scaling down. */
static uint64_t rank_of(const Pod *p) {
        return (uint64_t) (p->node != NULL) << 63 | (uint64_t) (p->status == POD_RUNNING) << 62 | (uint64_t) pod_is_ready(p) << 61 |
               (uint64_t) (deletion_cost(p) + INT32_MAX);
}

static bool comes_before(const Victim *a, const Victim *b) {
        return a->rank != b->rank ? a->rank < b->rank : a->id > b->id;
}

static void put_at(Victims *v, size_t i, Victim item) {
        for (; i > 0 && comes_before(&item, &v->heap[(i - 1) / 2]); i = (i - 1) / 2)
                v->heap[i] = v->heap[(i - 1) / 2];
        v->heap[i] = item;
}

static int add(Victims *v, const Pod *p) {
        if (!GREEDY_REALLOC(v->heap, v->allocated, v->n + 1))
                return -ENOMEM;
        put_at(v, v->n++, (Victim) { .rank = rank_of(p), .id = p->object.id });
        return 0;
}

static Victim take_first(Victims *v) {
        Victim first = v->heap[0], last = v->heap[--v->n];
        size_t i = 0, child;

        while ((child = 2 * i + 1) < v->n) {
                if (child + 1 < v->n && comes_before(&v->heap[child + 1], &v->heap[child]))
                        child++;
                if (!comes_before(&v->heap[child], &last))
                        break;
                v->heap[i] = v->heap[child];
                i = child;
        }
        if (v->n > 0)
                v->heap[i] = last;
        return first;
}

static bool is_candidate(const ObjectState *of, const ObjectState *s) {
        return s->owner == of && s->entry.object->kind == KIND_POD && pod_is_active((const Pod*) s->entry.object);
}

/* Goes through the owner's pods where they are few, else through all pods, some at a time. */
static int collect(Cluster *c, const ObjectState *s, Victims *v) {
        size_t most = look_max(c), hint = 0;
        ObjectState *d;
        StoreEntry *e;
        int r = 0;

        if (v->scanned == 0 && timed_state((ObjectState*) s)->pods.all <= most) {
                LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                        r = is_candidate(s, d) ? add(v, (const Pod*) d->entry.object) : 0;
                        if (r < 0)
                                return r;
                }
                v->complete = true;
                return 0;
        }
        for (; most > 0 && (e = store_next(c->store, KIND_POD, v->scanned, &hint)); most--) {
                r = is_candidate(s, object_state(e)) ? add(v, (const Pod*) e->object) : 0;
                if (r < 0)
                        return r;
                v->scanned = e->object->id;
        }
        v->complete = most > 0;
        return 0;
}

static int prepare(Cluster *c, ObjectState *s) {
        Victims **v = &timed_state(s)->victims;
        int r;

        if (!*v && !(*v = new0(Victims, 1)))
                return -ENOMEM;
        if ((*v)->complete)
                return 0;
        r = collect(c, s, *v);
        if (r < 0)
                victims_forget(s);
        return r < 0 ? r : (*v)->complete ? 0 : -EAGAIN;
}

/* The first of the heap that is still there and still as it was. */
static ObjectState *take(Cluster *c, const ObjectState *s, Victims *v) {
        while (v->n > 0) {
                Victim first = take_first(v);
                StoreEntry *e = store_next(c->store, KIND_POD, first.id - 1, NULL);
                const Pod *p = e && e->object->id == first.id ? (const Pod*) e->object : NULL;

                if (!p || !is_candidate(s, object_state(e)))
                        continue;
                if (rank_of(p) == first.rank)
                        return object_state(e);
                put_at(v, v->n++, (Victim) { .rank = rank_of(p), .id = first.id }); /* it has changed since */
        }
        return NULL;
}

int victims_next(Cluster *c, ObjectState *s, ObjectState **ret) {
        bool made;
        int r;

        do { /* one from before knows nothing of pods that have come since */
                made = !timed_state(s)->victims;
                r = prepare(c, s);
                if (r < 0)
                        return r;
                *ret = take(c, s, timed_state(s)->victims);
                if (*ret)
                        return 1;
                victims_forget(s);
        } while (!made);
        return 0;
}
