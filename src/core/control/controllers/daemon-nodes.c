/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/daemon-nodes.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/owners.h"

#define PAUSE_OF_ONE 1 /* us for each of those that wait: a tenth of the time, at most, goes into looking at them */

DaemonNodes *daemon_nodes_free(DaemonNodes *t) {
        if (!t)
                return NULL;
        free(t->flags);
        pod_class_unref(t->wish.class);
        return mfree(t);
}

void daemon_nodes_set(DaemonNodes *t, size_t slot, uint16_t flags) {
        uint16_t before = t->flags[slot];

        t->flags[slot] = flags;
        for (DaemonFlag f = 0; f < _DAEMON_FLAG_MAX; f++) {
                if ((before ^ flags) & DAEMON_BIT(f))
                        t->counts[f] += flags & DAEMON_BIT(f) ? 1 : -1;
                if (flags & DAEMON_BIT(f))
                        t->first[f] = MIN(t->first[f], slot);
        }
}

void daemon_nodes_add(DaemonNodes *t, size_t slot, DaemonFlag flag) {
        daemon_nodes_set(t, slot, (uint16_t) (t->flags[slot] | DAEMON_BIT(flag)));
}

size_t daemon_nodes_find(DaemonNodes *t, DaemonFlag flag, size_t from) {
        size_t i = MAX(from, t->first[flag]);

        if (t->counts[flag] == 0)
                return SIZE_MAX;
        while (i < t->n && !(t->flags[i] & DAEMON_BIT(flag)))
                i++;
        if (from <= t->first[flag])
                t->first[flag] = i;
        return i < t->n ? i : SIZE_MAX;
}

void daemon_nodes_doubt(DaemonNodes *t, DaemonFlag flag) {
        for (size_t i = daemon_nodes_find(t, flag, 0); i != SIZE_MAX; i = daemon_nodes_find(t, flag, i + 1))
                daemon_nodes_add(t, i, DAEMON_DIRTY);
}

usec_t daemon_nodes_due(const DaemonNodes *t) {
        return t->look_at == USEC_INFINITY ? USEC_INFINITY : MAX(t->look_at, usec_add(t->looked_at, (usec_t) t->counts[DAEMON_WAITING] * PAUSE_OF_ONE));
}

static bool is_same(const DaemonWish *a, const DaemonWish *b) {
        return a->class == b->class && streq(a->hash, b->hash) && a->min_ready == b->min_ready && a->surges == b->surges;
}

int daemon_nodes_prepare(Cluster *c, DaemonNodes **p, const DaemonWish *wish) {
        DaemonNodes *t = *p ?: new0(DaemonNodes, 1);
        size_t n = c->scheduler.n_slots;

        if (t && !*p)
                t->look_at = t->room_at = USEC_INFINITY;
        *p = t;
        if (!t || !GREEDY_REALLOC(t->flags, t->allocated, n + 1))
                return -ENOMEM;
        for (; t->n < n; t->n++) {
                t->flags[t->n] = 0;
                daemon_nodes_add(t, t->n, DAEMON_DIRTY);
        }
        if (is_same(&t->wish, wish))
                return 0;
        for (size_t i = 0; i < t->n; i++)
                daemon_nodes_add(t, i, DAEMON_DIRTY);
        pod_class_unref(t->wish.class);
        t->wish = *wish;
        t->wish.class = wish->class ? pod_class_ref(wish->class) : NULL;
        return 0;
}

/* One that it has no place for is new to it: it is dirty once it has. */
static void doubt_slot(ObjectState *s, size_t slot) {
        DaemonNodes *t = timed_state(s)->nodes;

        if (t && slot < t->n)
                daemon_nodes_add(t, slot, DAEMON_DIRTY);
}

void daemon_sets_see_node(Cluster *c, size_t slot) {
        for (StoreEntry *e = store_find_from(c->store, KIND_DAEMON_SET, NULL); e; e = store_following(e)) {
                doubt_slot(object_state(e), slot);
                object_mark(c, object_state(e));
        }
}

void daemon_sets_forget_nodes(Cluster *c) {
        for (StoreEntry *e = store_find_from(c->store, KIND_DAEMON_SET, NULL); e; e = store_following(e)) {
                DaemonNodes *t = timed_state(object_state(e))->nodes;

                if (t) {
                        t->n = 0;
                        memset(t->counts, 0, sizeof(t->counts));
                }
                object_mark(c, object_state(e));
        }
}

void daemon_set_see_pod(Cluster *c, ObjectState *owner, const Object *pod) {
        const char *name = owner->entry.object->kind == KIND_DAEMON_SET && pod && pod->kind == KIND_POD ? ((const Pod*) pod)->node : NULL;
        const NodeState *ns = name && timed_state(owner)->nodes ? find_node(c, name) : NULL;

        if (ns)
                doubt_slot(owner, ns->sched.slot);
}
