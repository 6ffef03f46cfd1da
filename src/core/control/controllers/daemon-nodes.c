/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/daemon-nodes.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/owners.h"

#define PAUSE_OF_ONE 1 /* us for each of those that wait: a tenth of the time, at most, goes into looking at them */

DaemonNodes *daemon_nodes_free(DaemonNodes *t) {
        if (!t)
                return NULL;
        flag_table_done(&t->table);
        pod_class_unref(t->wish.class);
        return mfree(t);
}

usec_t daemon_nodes_due(const DaemonNodes *t) {
        return t->look_at == USEC_INFINITY ? USEC_INFINITY : MAX(t->look_at, usec_add(t->looked_at, (usec_t) t->table.counts[DAEMON_WAITING] * PAUSE_OF_ONE));
}

static bool is_same(const DaemonWish *a, const DaemonWish *b) {
        return a->class == b->class && streq(a->hash, b->hash) && a->min_ready == b->min_ready && a->surges == b->surges;
}

int daemon_nodes_prepare(Cluster *c, DaemonNodes **p, const DaemonWish *wish) {
        DaemonNodes *t = *p ?: new0(DaemonNodes, 1);
        size_t n;

        if (t && !*p)
                t->look_at = t->room_at = USEC_INFINITY;
        *p = t;
        n = t ? t->table.n : 0;
        if (!t || flag_table_grow(&t->table, c->scheduler.n_slots) < 0)
                return -ENOMEM;
        flag_table_doubt_range(&t->table, n, SIZE_MAX);
        if (is_same(&t->wish, wish))
                return 0;
        flag_table_doubt_range(&t->table, 0, SIZE_MAX);
        pod_class_unref(t->wish.class);
        t->wish = *wish;
        t->wish.class = wish->class ? pod_class_ref(wish->class) : NULL;
        return 0;
}

/* One that it has no place for is new to it: it is dirty once it has. */
static void doubt_slot(ObjectState *s, size_t slot) {
        DaemonNodes *t = timed_state(s)->nodes;

        if (t && slot < t->table.n)
                flag_table_add(&t->table, slot, FLAG_DIRTY);
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

                if (t)
                        flag_table_clear(&t->table);
                object_mark(c, object_state(e));
        }
}

void daemon_set_see_pod(Cluster *c, ObjectState *owner, const Object *pod) {
        const char *name = owner->entry.object->kind == KIND_DAEMON_SET && pod && pod->kind == KIND_POD ? ((const Pod*) pod)->node : NULL;
        const NodeState *ns = name && timed_state(owner)->nodes ? find_node(c, name) : NULL;

        if (ns)
                doubt_slot(owner, ns->sched.slot);
}
