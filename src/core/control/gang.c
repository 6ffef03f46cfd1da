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
        size_t n_bound; /* that are on nodes already */
} Members;

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

/* Puts members onto nodes of the scheduler's alone, one after the other, until one does not fit. How many did, or -ENOMEM. */
static int try_members(Cluster *c, Members *m) {
        for (size_t i = 0; i < m->n_items; i++) {
                const Pod *p = pod_of(m->items[i].ps);
                NodeState *ns;
                int r;

                r = placement_try(c, p, &ns);
                if (r > 0)
                        r = sched_node_reserve(&ns->sched) < 0 ? -ENOMEM : 1;
                if (r < 0)
                        return r;
                if (r == 0) {
                        placement_count(c, p, false);
                        return (int) i;
                }
                m->items[i].ns = ns;
                sched_node_attach(&ns->sched, p->class, p->cpu, false);
                scheduler_note(&c->scheduler, &ns->sched, SCHED_EVENT_POD_CAME);
        }
        return (int) m->n_items;
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

/* More classes than orders fit in memory push one another out again and again: after a while what is missing is made in the same turn. */
int gang_prepare(Cluster *c, ClassQueue *queue) {
        size_t n_classes = 0;
        PodClass *class;
        int r = 0;

        LIST_FOREACH(class, &c->scheduler.classes.with_gang, PodClass, in_gang) {
                ClassQueue *of = gang_is_same(class, queue->class) ? class_queue_find(class) : NULL;
                PendingEntry *first = of ? pending_queue_first(&of->pods) : NULL;

                n_classes += first != NULL;
                if (first && r == 0)
                        r = placement_prepare(c, of, pod_of(container_of(first, PodWait, entry)->pod));
        }
        if (r > 0 && ++queue->n_turns * turn_nodes(c) <= 2 * n_classes * c->scheduler.n_slots)
                return r;
        queue->n_turns = 0;
        return MIN(r, 0);
}

int gang_place(Cluster *c, PodState *ps, StrBuf *message) {
        _cleanup_(members_done) Members m = {};
        const Gang gang = pod_of(ps)->class->gang;
        uint64_t last_event[_SCHED_EVENT_MAX], last_order = c->scheduler.last_order;
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
        take_back(c, &m, last_event);
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
