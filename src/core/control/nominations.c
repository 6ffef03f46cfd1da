/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/nominations.h"

#include "basic/alloc-util.h"

/* A node that is not there. Only what is nominated to it is used. */
typedef struct Absent {
        ListLink link; /* in Cluster.absent */
        char *name;    /* owned */
        SchedNode node;
} Absent;

static const char *absent_name(const void *value) {
        return ((const Absent*) value)->name;
}

void nominations_init(Cluster *c) {
        list_init(&c->absent);
        hashtable_init(&c->absent_by_name, absent_name, c->secret);
}

static Absent *absent_free(Absent *a) {
        if (!a)
                return NULL;
        list_remove(&a->link);
        sched_node_done(&a->node);
        free(a->name);
        return mfree(a);
}
DEFINE_CLEANUP(Absent*, absent_free)

void nominations_done(Cluster *c) {
        ListLink *l;

        while ((l = list_first(&c->absent)))
                absent_free(container_of(l, Absent, link));
        hashtable_done(&c->absent_by_name);
}

static int ensure(Cluster *c, const char *name, Absent **ret) {
        _cleanup_(absent_freep) Absent *a = NULL;
        int r;

        *ret = hashtable_get(&c->absent_by_name, name);
        if (*ret)
                return 0;
        a = new0(Absent, 1);
        if (!a)
                return -ENOMEM;
        a->name = strdup(name);
        r = a->name ? hashtable_put(&c->absent_by_name, a) : -ENOMEM;
        if (r < 0)
                return r;
        list_append(&c->absent, &a->link);
        *ret = TAKE_PTR(a);
        return 0;
}

/* It is no longer needed once nobody is nominated to it. */
static void drop_if_idle(Cluster *c, Absent *a) {
        if (a->node.nominated.n_items > 0)
                return;
        (void) hashtable_remove(&c->absent_by_name, a->name);
        absent_free(a);
}

static bool is_nominated(const Pod *p) {
        return p && p->nominated && !p->node && p->class;
}

static void note(Cluster *c, NodeState *ns, SchedEvent event) {
        scheduler_note(&c->scheduler, &ns->sched, event);
        node_update_index(c, ns);
}

int nominations_add(Cluster *c, const Pod *p) {
        NodeState *ns;
        Absent *a;
        int r;

        if (!is_nominated(p))
                return 0;
        ns = find_node(c, p->nominated);
        if (ns) {
                r = sched_node_nominate(&ns->sched, p->class);
                if (r >= 0)
                        note(c, ns, SCHED_EVENT_POD_CAME);
                return r;
        }
        r = ensure(c, p->nominated, &a);
        if (r < 0)
                return r;
        r = sched_node_nominate(&a->node, p->class);
        if (r < 0)
                drop_if_idle(c, a);
        return r;
}

void nominations_remove(Cluster *c, const Pod *p) {
        NodeState *ns;
        Absent *a;

        if (!is_nominated(p))
                return;
        ns = find_node(c, p->nominated);
        if (ns) {
                sched_node_unnominate(&ns->sched, p->class);
                return note(c, ns, SCHED_EVENT_POD_GONE);
        }
        a = hashtable_get(&c->absent_by_name, p->nominated);
        if (!a)
                return;
        sched_node_unnominate(&a->node, p->class);
        drop_if_idle(c, a);
}

void nominations_take(Cluster *c, NodeState *ns, const char *name) {
        Absent *a = hashtable_get(&c->absent_by_name, name);

        if (!a)
                return;
        ns->sched.nominated = a->node.nominated;
        a->node.nominated = (SchedUses) {};
        drop_if_idle(c, a);
}

void nominations_leave(Cluster *c, NodeState *ns, const char *name) {
        Absent *a;

        if (ns->sched.nominated.n_items == 0 || ensure(c, name, &a) < 0)
                return;
        a->node.nominated = ns->sched.nominated;
        ns->sched.nominated = (SchedUses) {};
}
