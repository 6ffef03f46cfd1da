/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/what-if.h"

#include <math.h>

#include "basic/alloc-util.h"
#include "core/control/placement.h"

/* Classes of two pools meet on a node: their numbers must differ. */
#define FIRST_CLASS (UINT64_C(1) << 63)

typedef struct WhatIfPlaced {
        SchedNode *node;
        PodClass *class; /* the node holds a reference */
} WhatIfPlaced;

static void restart(WhatIf *w) {
        const Scheduler *live = &w->cluster->scheduler;

        prng_init(&w->scheduler.prng, w->seed);
        w->scheduler.last_order = live->last_order;
        w->scheduler.workload = live->workload;
        w->scheduler.usual = live->usual;
        w->scheduler.workload_version++;
        w->next = 0;
        w->progress = false;
}

/* The node as an object stays as it is now as long as the copy does. */
static int copy_node(WhatIf *w, const SchedNode *live) {
        SchedNode *n = &w->nodes[w->n_nodes];
        int r;

        r = sched_node_copy(live, n);
        if (r < 0)
                return r;
        n->odd_hostname = false; /* scheduler_add_node() counts */
        (void) object_ref((Object*) n->node);
        w->n_nodes++;
        r = scheduler_count_images(&w->scheduler, NULL, n->class);
        return r < 0 ? r : scheduler_add_node(&w->scheduler, n);
}

int what_if_new(Cluster *c, uint64_t seed, WhatIf **ret) {
        _cleanup_(what_if_freep) WhatIf *w = new0(WhatIf, 1);
        const Scheduler *live = &c->scheduler;
        int r = 0;

        if (!w)
                return -ENOMEM;
        scheduler_init(&w->scheduler, seed, c->secret);
        w->cluster = c;
        w->seed = seed;
        w->scheduler.classes.last_id = FIRST_CLASS;
        w->scheduler.others = &live->classes;
        w->scheduler.namespaces = live->namespaces;
        w->scheduler.selectors = live->selectors;
        w->nodes = new0(SchedNode, MAX(live->n_nodes, (size_t) 1));
        if (!w->nodes)
                return -ENOMEM;
        for (size_t i = 0; i < live->n_slots && r >= 0; i++)
                if (live->nodes[i])
                        r = copy_node(w, live->nodes[i]);
        if (r < 0)
                return r;
        restart(w);
        *ret = TAKE_PTR(w);
        return 0;
}

WhatIf *what_if_free(WhatIf *w) {
        if (!w)
                return NULL;
        scheduler_forget_orders(&w->scheduler);
        for (size_t i = 0; i < w->n_nodes; i++) {
                (void) scheduler_count_images(&w->scheduler, w->nodes[i].class, NULL);
                object_unref((Object*) w->nodes[i].node);
                sched_node_done(&w->nodes[i]);
        }
        scheduler_done(&w->scheduler);
        free(w->nodes);
        free(w->placed);
        return mfree(w);
}

void what_if_item_done(WhatIfItem *item) {
        free(item->name);
        pod_class_unref(item->class);
        *item = (WhatIfItem) {};
}

void what_if_reset(WhatIf *w, WhatIfItem *items, size_t n_items) {
        while (w->n_placed > 0) {
                WhatIfPlaced *p = &w->placed[--w->n_placed];

                sched_node_detach(p->node, p->class, 0, false);
                scheduler_note(&w->scheduler, p->node, SCHED_EVENT_POD_GONE);
        }
        for (size_t i = 0; i < n_items; i++) {
                items[i].placed = 0;
                items[i].blocked = false;
        }
        scheduler_forget_orders(&w->scheduler);
        restart(w);
}

static SchedNode *find_copy(WhatIf *w, const NodeState *ns) {
        for (size_t i = 0; i < w->n_nodes; i++)
                if (w->nodes[i].order == ns->sched.order)
                        return &w->nodes[i];
        return NULL;
}

int what_if_take_pod(WhatIf *w, const PodState *ps, PodClass **ret) {
        SchedNode *n = ps->node ? find_copy(w, ps->node) : NULL;
        const Pod *p = pod_of(ps);

        if (n) {
                sched_node_detach(n, p->class, p->cpu, p->status == POD_TERMINATING);
                scheduler_note(&w->scheduler, n, SCHED_EVENT_POD_GONE);
        }
        if (!p->class)
                return placement_native_class(&w->scheduler.classes, p->cpu, ret);
        *ret = pod_class_ref(p->class);
        return 0;
}

static int place(WhatIf *w, PodClass *class, const SchedAlgorithm *algorithm) {
        SchedNode *n;
        int r;

        if (!GREEDY_REALLOC(w->placed, w->allocated, w->n_placed + 1))
                return -ENOMEM;
        r = scheduler_choose(&w->scheduler, class, algorithm, &n);
        if (r <= 0)
                return r;
        r = sched_node_reserve(n);
        if (r < 0)
                return r;
        sched_node_attach(n, class, 0, false);
        scheduler_note(&w->scheduler, n, SCHED_EVENT_POD_CAME);
        scheduler_placed(&w->scheduler, class);
        w->placed[w->n_placed++] = (WhatIfPlaced) { n, class };
        return 1;
}

/* After the last item: another round, if that may help. */
static bool begin_round(WhatIf *w, WhatIfItem *items, size_t n_items) {
        bool any = false;

        for (size_t i = 0; i < n_items; i++) {
                any |= items[i].blocked;
                items[i].blocked = items[i].blocked && !w->progress;
        }
        if (!any || !w->progress || n_items == 1)
                return false;
        w->next = 0;
        w->progress = false;
        return true;
}

int what_if_step(WhatIf *w, WhatIfItem *items, size_t n_items, const SchedAlgorithm *algorithm) {
        WhatIfItem *item;
        int r;

        while (w->next < n_items && (items[w->next].blocked || items[w->next].placed == items[w->next].count))
                w->next++;
        if (w->next == n_items)
                return begin_round(w, items, n_items);
        item = &items[w->next];
        r = place(w, item->class, algorithm);
        if (r < 0)
                return r;
        item->placed += r > 0;
        item->blocked = r == 0;
        w->progress |= r > 0;
        return 1;
}

int what_if_put_reason(WhatIf *w, PodClass *class, const SchedAlgorithm *algorithm, StrBuf *b) {
        ClassOrder *o;
        int r;

        r = scheduler_order(&w->scheduler, class, algorithm, &o);
        if (r < 0)
                return r;
        (void) class_order_judge(o);
        class_order_put_message(o, b);
        return 0;
}

/* --- How the nodes stand --- */

typedef struct Sums {
        double whole, used, whole_of_used, used_of_used, free, stranded, shares, squares;
} Sums;

static void add(Sums *s, int64_t whole, int64_t used, bool has_pods, bool takes_usual) {
        double share = whole > 0 ? (double) used / (double) whole : 0, left = (double) MAX(whole - used, INT64_C(0));

        s->whole += (double) whole;
        s->used += (double) used;
        s->whole_of_used += has_pods ? (double) whole : 0;
        s->used_of_used += has_pods ? (double) used : 0;
        s->free += left;
        s->stranded += takes_usual ? 0 : left;
        s->shares += share;
        s->squares += share * share;
}

static double ratio(double part, double whole) {
        return whole > 0 ? part / whole : 0;
}

static WhatIfShares shares_of(const Sums *s, size_t n) {
        double mean = ratio(s->shares, (double) n), variance = ratio(s->squares, (double) n) - mean * mean;

        return (WhatIfShares) {
                .used = ratio(s->used, s->whole),
                .used_of_used = ratio(s->used_of_used, s->whole_of_used),
                .fragmentation = ratio(s->stranded, s->free),
                .deviation = variance > 0 ? sqrt(variance) : 0,
        };
}

WhatIfMeasure what_if_measure(const WhatIf *w, const PodClass *usual) {
        Sums cpu = {}, memory = {};
        WhatIfMeasure m = {};

        for (size_t i = 0; i < w->n_nodes; i++) {
                const SchedNode *n = &w->nodes[i];
                bool takes;

                if (!n->open)
                        continue;
                takes = !usual || filter_dynamic(usual, n).kind == FILTER_FITS;
                m.nodes++;
                m.nodes_used += n->n_pods > 0;
                add(&cpu, n->allocatable.cpu, n->used.cpu, n->n_pods > 0, takes);
                add(&memory, n->allocatable.memory, n->used.memory, n->n_pods > 0, takes);
        }
        m.cpu = shares_of(&cpu, m.nodes);
        m.memory = shares_of(&memory, m.nodes);
        return m;
}
