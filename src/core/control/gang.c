/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/gang.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/placement.h"
#include "core/control/turn.h"

typedef struct Member {
        PodState *ps;
        NodeState *ns; /* where it is to go */
} Member;

typedef struct Members {
        Member *items; /* owned */
        size_t n_items, allocated;
        size_t n_classes; /* of those */
        size_t n_bound; /* that are on nodes already */
} Members;

/* Where a member was found to fit in a turn before. */
typedef struct GangPlace {
        uint64_t pod, class, node; /* ids */
        uint64_t version;          /* of the node as the scheduler saw it */
} GangPlace;

static void members_done(Members *m) {
        free(m->items);
}

bool gang_is_same(const PodClass *a, const PodClass *b) {
        return streq_ptr(a->gang.name, b->gang.name) && streq(a->namespace, b->namespace);
}

/* Those that wait, class by class. */
static int gather(Cluster *c, const PodClass *of, Members *m) {
        PodClass *class;

        LIST_FOREACH(class, &c->scheduler.classes.with_gang, PodClass, in_gang) {
                ClassQueue *queue = class_queue_find(class);

                if (!gang_is_same(class, of))
                        continue;
                m->n_bound += class->n_bound;
                m->n_classes += queue != NULL;
                for (PendingEntry *e = queue ? pending_queue_first(&queue->pods) : NULL; e; e = pending_queue_next(e)) {
                        if (!GREEDY_REALLOC(m->items, m->allocated, m->n_items + 1))
                                return -ENOMEM;
                        m->items[m->n_items++] = (Member) { .ps = container_of(e, PodWait, entry)->pod };
                }
        }
        return 0;
}

/* When the one that has waited longest began to. */
static usec_t waits_since(const Members *m) {
        usec_t since = USEC_INFINITY;

        for (size_t i = 0; i < m->n_items; i++)
                since = MIN(since, m->items[i].ps->wait->since);
        return since;
}

static usec_t waits_until(const Members *m, const Gang *gang) {
        return usec_add(waits_since(m), gang->timeout);
}

static bool is_complete(const Members *m, const Gang *gang) {
        return m->n_items + m->n_bound >= gang->min_member;
}

/* --- Trying --- */

static void put(Cluster *c, Member *m, NodeState *ns) {
        const Pod *p = pod_of(m->ps);

        m->ns = ns;
        sched_node_attach(&ns->sched, p->class, p->cpu, false);
        scheduler_note(&c->scheduler, &ns->sched, SCHED_EVENT_POD_CAME);
}

/* Another number whenever something has changed that the place of a member could depend on. */
static uint64_t scheduler_state(const Scheduler *s) {
        return s->n_changes + s->namespaces_version + scheduler_terms_version(s);
}

/* Does whether a pod of the class fits on a node follow from that node alone? */
static bool looks_at_node_alone(const Scheduler *s, const PodClass *c) {
        return s->classes.n_anti == 0 && c->n_spread == 0 && c->n_affinity == 0;
}

/* Puts a member where it was found to fit in a turn before, if it still does: 1; 0 if that is not sure; -ENOMEM. */
static int put_again(Cluster *c, Member *m, const GangPlace *place, bool changed) {
        const PodClass *class = pod_of(m->ps)->class;
        NodeState *ns = node_state(store_next(c->store, KIND_NODE, place->node - 1, NULL));

        if (m->ps->entry.object->id != place->pod || class->id != place->class || !ns || ns->sched.version != place->version)
                return 0;
        if (changed && !(looks_at_node_alone(&c->scheduler, class) && filter_dynamic(class, &ns->sched).kind == FILTER_FITS))
                return 0;
        if (sched_node_reserve(&ns->sched) < 0)
                return -ENOMEM;
        put(c, m, ns);
        return 1;
}

/* What is known of the gang from turns before: how many of its members are put where they were; -ENOMEM. */
static int resume(Cluster *c, Members *m) {
        GangTrial *t = &c->trial;
        bool changed = scheduler_state(&c->scheduler) != t->seen;
        size_t n = 0;
        int r = 1;

        while (n < MIN(m->n_items, t->n_places) && (r = put_again(c, &m->items[n], &t->places[n], changed)) > 0)
                n++;
        if (n > 0)
                c->scheduler.last_order = t->last_order;
        return r < 0 ? r : (int) n;
}

/* The first n have a place: the turn ends, and the next one goes on. */
static int keep(Cluster *c, const Members *m, size_t n) {
        GangTrial *t = &c->trial;

        if (!GREEDY_REALLOC(t->places, t->allocated, n + 1))
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const Pod *p = pod_of(m->items[i].ps);
                const NodeState *ns = m->items[i].ns;

                t->places[i] = (GangPlace) { .pod = p->object.id, .class = p->class->id, .node = ns->entry.object->id, .version = ns->sched.version };
        }
        t->n_places = n;
        t->last_order = c->scheduler.last_order;
        t->seen = scheduler_state(&c->scheduler);
        return -EAGAIN;
}

void gang_forget(Cluster *c) {
        free(c->trial.places);
        c->trial = (GangTrial) {};
}

/* Gets ready for the next member: 1 while that takes further turns. A gang that others' changes make begin anew again and again is tried in one
 * turn at last. */
static int prepare(Cluster *c, const Members *m, bool *ret_hurries) {
        GangTrial *t = &c->trial;
        const Member *next;

        if (t->gang != m->items[0].ps->entry.object->id)
                gang_forget(c);
        t->gang = m->items[0].ps->entry.object->id;
        *ret_hurries = t->n_turns++ * turn_nodes(c) > 2 * m->n_classes * c->scheduler.n_slots;
        next = &m->items[MIN(t->n_places, m->n_items - 1)];
        return *ret_hurries ? 0 : placement_prepare(c, class_queue_find(pod_of(next->ps)->class), pod_of(next->ps));
}

/* Puts members onto nodes of the scheduler's alone, one after the other, until one does not fit. How many did, -EAGAIN to go on in the next
 * turn, or -ENOMEM. */
static int try_members(Cluster *c, Members *m) {
        bool hurries;
        uint64_t begun;
        int r, n;

        r = prepare(c, m, &hurries);
        if (r != 0)
                return r > 0 ? -EAGAIN : r;
        begun = c->scheduler.n_changes;
        n = resume(c, m);
        for (; n >= 0 && (size_t) n < m->n_items; n++) {
                const Pod *p = pod_of(m->items[n].ps);
                NodeState *ns;

                if (!hurries && !placement_is_ready(c, p, c->scheduler.n_changes - begun))
                        return keep(c, m, (size_t) n);
                r = placement_try(c, p, &ns);
                if (r > 0)
                        r = sched_node_reserve(&ns->sched) < 0 ? -ENOMEM : 1;
                if (r < 0)
                        return r;
                if (r == 0) {
                        placement_count(c, p, false);
                        return n;
                }
                put(c, &m->items[n], ns);
        }
        return n;
}

/* Takes them off again. That they have been there helps nobody, so it counts as no event. Whoever stays is counted when it is bound. */
static void take_back(Cluster *c, Members *m, const uint64_t last_event[_SCHED_EVENT_MAX]) {
        for (size_t i = 0; i < m->n_items; i++) {
                const Pod *p = pod_of(m->items[i].ps);
                NodeState *ns = m->items[i].ns;

                if (!ns)
                        continue;
                sched_node_detach(&ns->sched, p->class, p->cpu, false);
                scheduler_note(&c->scheduler, &ns->sched, SCHED_EVENT_POD_GONE);
        }
        memcpy(c->scheduler.last_event, last_event, sizeof(c->scheduler.last_event));
}

/* Why the next one does not fit, while the first n are where they would go. */
static int put_lack(Cluster *c, const Members *m, const Gang *gang, size_t n, StrBuf *message) {
        if (n > 0)
                strbuf_printf(message, "pod group \"%s\" has room for %zu of the %zu members that wait: ", gang->name, n, m->n_items);
        return placement_put_reason(c, pod_of(m->items[n].ps), message);
}

int gang_place(Cluster *c, PodState *ps, StrBuf *message) {
        _cleanup_(members_done) Members m = {};
        const Gang gang = pod_of(ps)->class->gang;
        uint64_t last_event[_SCHED_EVENT_MAX], last_order = c->scheduler.last_order, noted;
        bool enough;
        int r, n;

        r = gather(c, pod_of(ps)->class, &m);
        if (r < 0)
                return r;
        if (!is_complete(&m, &gang) || c->now >= waits_until(&m, &gang))
                return 0;
        memcpy(last_event, c->scheduler.last_event, sizeof(last_event));
        n = try_members(c, &m);
        enough = n > 0 && (size_t) n + m.n_bound >= gang.min_member;
        r = n < 0 ? n : !enough ? put_lack(c, &m, &gang, (size_t) n, message) : 0;
        noted = c->scheduler.n_changes;
        take_back(c, &m, last_event);
        c->trial.seen += c->scheduler.n_changes - noted;
        if (r != -EAGAIN)
                gang_forget(c);
        if (r < 0 || !enough) {
                c->scheduler.last_order = last_order;
                return r;
        }
        for (int i = 0; i < n; i++) {
                r = placement_bind(c, m.items[i].ps, m.items[i].ns);
                if (r < 0)
                        return r;
                placement_count(c, pod_of(m.items[i].ps), true);
        }
        return 1;
}

int gang_is_waiting(Cluster *c, const Pod *p, StrBuf *message, usec_t *ret_until) {
        _cleanup_(members_done) Members m = {};
        const Gang *gang = &p->class->gang;
        char span[32];
        int r;

        *ret_until = USEC_INFINITY;
        if (!gang->name)
                return 0;
        r = gather(c, p->class, &m);
        if (r < 0)
                return r;
        *ret_until = waits_until(&m, gang);
        if (c->now >= *ret_until) {
                strbuf_printf(message, "pod group \"%s\" was given up after %s: make its pods again to try again", gang->name,
                              format_timespan(span, sizeof(span), gang->timeout));
                return 1;
        }
        if (is_complete(&m, gang))
                return 0;
        strbuf_printf(message, "pod group \"%s\" waits for its members: %zu of %u are there", gang->name, m.n_items + m.n_bound, gang->min_member);
        return 1;
}
