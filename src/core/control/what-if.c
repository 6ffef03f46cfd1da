/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/what-if-internal.h"

#include <math.h>

#include "basic/alloc-util.h"
#include "core/control/gang.h"
#include "core/control/placement.h"

/* Classes of two pools meet on a node: their numbers must differ. */
#define FIRST_CLASS (UINT64_C(1) << 63)

/* Nodes that are looked at, or pods that are taken back, in one step. */
#define SOME 256

/* --- The copy --- */

int what_if_new(Cluster *c, uint64_t seed, WhatIf **ret) {
        WhatIf *w = new0(WhatIf, 1);
        const Scheduler *live = &c->scheduler;

        if (!w)
                return -ENOMEM;
        scheduler_init(&w->scheduler, seed, c->secret);
        w->cluster = c;
        w->seed = seed;
        w->scheduler.classes.last_id = FIRST_CLASS;
        w->scheduler.others = &live->classes;
        w->scheduler.namespaces = live->namespaces;
        w->scheduler.selectors = live->selectors;
        w->seen = live->n_changes;
        *ret = w;
        return 0;
}

static void drop_copy(WhatIf *w, size_t slot) {
        SchedNode *n = w->copies[slot];

        if (!n)
                return;
        (void) scheduler_count_images(&w->scheduler, n->class, NULL);
        if (n->slot != SIZE_MAX)
                scheduler_remove_node(&w->scheduler, n);
        object_unref((Object*) n->node);
        sched_node_done(n);
        free(n);
        w->copies[slot] = NULL;
}

/* The node as an object stays as it is now as long as the copy does. */
static int copy_node(WhatIf *w, const SchedNode *live) {
        SchedNode *n = new0(SchedNode, 1);
        int r;

        if (!n)
                return -ENOMEM;
        r = sched_node_copy(live, n);
        if (r < 0) {
                free(n);
                return r;
        }
        n->odd_hostname = false; /* scheduler_add_node() counts */
        (void) object_ref((Object*) n->node);
        r = scheduler_count_images(&w->scheduler, NULL, n->class);
        if (r >= 0) {
                w->copies[live->slot] = n;
                return scheduler_add_node(&w->scheduler, n);
        }
        object_unref((Object*) n->node);
        sched_node_done(n);
        free(n);
        return r;
}

static int reserve_copies(WhatIf *w, size_t n) {
        if (n <= w->n_copies)
                return 0;
        if (!GREEDY_REALLOC(w->copies, w->copies_allocated, n))
                return -ENOMEM;
        memset(w->copies + w->n_copies, 0, (n - w->n_copies) * sizeof(SchedNode*));
        w->n_copies = n;
        return 0;
}

/* Has what is in that slot as it is now; there may have been more of them when it was looked at before. */
static int look_at(WhatIf *w, size_t slot) {
        const Scheduler *s = &w->cluster->scheduler;
        const SchedNode *live = slot < s->n_slots ? s->nodes[slot] : NULL;

        drop_copy(w, slot);
        return live ? copy_node(w, live) : 0;
}

static uint64_t count_bound(const Cluster *c, const PodClass *of) {
        PodClass *class;
        uint64_t n = 0;

        LIST_FOREACH(class, &c->scheduler.classes.with_gang, PodClass, in_gang)
                n += gang_is_same(class, of) ? class->n_bound : 0;
        return n;
}

/* All nodes are copied: what else belongs to the state that is asked about. */
static void fix(WhatIf *w, WhatIfItem *items, size_t n_items) {
        const Scheduler *live = &w->cluster->scheduler;

        w->workload = live->workload;
        w->usual = live->usual;
        w->last_order = live->last_order;
        for (size_t i = 0; i < n_items; i++)
                items[i].n_bound = items[i].class->gang.name ? count_bound(w->cluster, items[i].class) : 0;
}

/* Nodes that change after they were copied are copied again at the end: the state that is asked about is that of the last step. */
int what_if_copy(WhatIf *w, WhatIfItem *items, size_t n_items) {
        const Scheduler *live = &w->cluster->scheduler;
        int r;

        r = reserve_copies(w, live->n_slots);
        if (r < 0)
                return r;
        if (live->n_changes - w->seen > live->changes_allocated) { /* nobody knows what has changed */
                w->to_copy = 0;
                w->seen = live->n_changes;
        }
        for (unsigned n = 0; w->to_copy < w->n_copies || w->seen < live->n_changes; n++) {
                bool anew = w->to_copy < w->n_copies;

                if (n == SOME)
                        return 1;
                r = look_at(w, anew ? w->to_copy : live->changes[w->seen & (live->changes_allocated - 1)]);
                if (r < 0)
                        return r;
                w->to_copy += anew;
                w->seen += !anew;
        }
        fix(w, items, n_items);
        return w->preempts ? what_if_read_budgets(w) : 0;
}

int what_if_shrink(WhatIf *w) {
        if (scheduler_forget_order(&w->scheduler))
                return 1;
        for (unsigned n = 0; n < SOME && w->n_copies > 0; n++)
                drop_copy(w, --w->n_copies);
        return w->n_copies > 0;
}

WhatIf *what_if_free(WhatIf *w) {
        if (!w)
                return NULL;
        while (what_if_shrink(w) > 0)
                ;
        for (size_t i = 0; i < w->n_placed; i++)
                pod_class_unref(w->placed[i].gone);
        what_if_search_done(w);
        what_if_budgets_done(w);
        scheduler_done(&w->scheduler);
        free(w->copies);
        free(w->placed);
        return mfree(w);
}

void what_if_item_done(WhatIfItem *item) {
        free(item->name);
        pod_class_unref(item->class);
        *item = (WhatIfItem) {};
}

int what_if_class_of(WhatIf *w, const PodState *ps, PodClass **ret) {
        const Pod *p = pod_of(ps);

        if (!p->class)
                return placement_native_class(&w->scheduler.classes, p->cpu, ret);
        *ret = pod_class_ref(p->class);
        return 0;
}

void what_if_take_pod(WhatIf *w, const PodState *ps) {
        SchedNode *n = ps->node ? w->copies[ps->node->sched.slot] : NULL;
        const Pod *p = pod_of(ps);

        if (!n)
                return;
        sched_node_detach(n, p->class, p->cpu, p->status == POD_TERMINATING);
        scheduler_note(&w->scheduler, n, SCHED_EVENT_POD_GONE);
}

/* --- Placing --- */

void what_if_reset(WhatIf *w, WhatIfItem *items, size_t n_items) {
        w->keep = 0;
        w->begins = true;
        w->next = 0;
        w->progress = false;
        w->gang = NULL;
        w->search.going = false;
        w->search.examined = 0;
        for (size_t i = 0; i < n_items; i++)
                items[i].blocked = false;
}

bool what_if_places(const WhatIf *w) {
        return !w->begins && w->n_placed <= w->keep;
}

static void restart(WhatIf *w) {
        prng_init(&w->scheduler.prng, w->seed);
        w->scheduler.last_order = w->last_order;
        w->scheduler.workload = w->workload;
        w->scheduler.usual = w->usual;
        w->scheduler.workload_version++;
        for (size_t i = 0; i < w->n_budgets; i++)
                w->budgets[i].gone = 0;
}

/* A part of taking back what is not to be kept: 1, or 0 when nothing is left of it. */
static int take_back(WhatIf *w) {
        for (unsigned n = 0; w->n_placed > w->keep; n++) {
                WhatIfPlaced *p;

                if (n == SOME)
                        return 1;
                p = &w->placed[--w->n_placed];
                if (p->gone) {
                        what_if_bring_back(w, p);
                        continue;
                }
                p->item->placed--;
                sched_node_detach(p->node, p->item->class, 0, false);
                scheduler_note(&w->scheduler, p->node, SCHED_EVENT_POD_GONE);
        }
        w->keep = SIZE_MAX;
        if (!w->begins)
                return 0;
        if (scheduler_forget_order(&w->scheduler))
                return 1;
        restart(w);
        w->begins = false;
        return 0;
}

int what_if_prepare(WhatIf *w, PodClass *class, const SchedAlgorithm *algorithm) {
        return scheduler_prepare(&w->scheduler, class, algorithm, SOME);
}

int what_if_put(WhatIf *w, WhatIfItem *item, SchedNode *n) {
        int r;

        if (!GREEDY_REALLOC(w->placed, w->allocated, w->n_placed + 1))
                return -ENOMEM;
        r = sched_node_reserve(n);
        if (r < 0)
                return r;
        sched_node_attach(n, item->class, 0, false);
        scheduler_note(&w->scheduler, n, SCHED_EVENT_POD_CAME);
        scheduler_placed(&w->scheduler, item->class);
        w->placed[w->n_placed++] = (WhatIfPlaced) { .node = n, .item = item };
        item->placed++;
        return 1;
}

static int place(WhatIf *w, WhatIfItem *item, const SchedAlgorithm *algorithm) {
        SchedNode *n;
        int r;

        r = scheduler_choose(&w->scheduler, item->class, algorithm, &n);
        return r > 0 ? what_if_put(w, item, n) : r;
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

static bool is_open(const WhatIfItem *item) {
        return !item->blocked && item->placed < item->count;
}

/* --- Gangs --- */

/* Are as many there as it asks for? That is what the first of them waits for. */
static bool gang_is_complete(const WhatIfItem *of, const WhatIfItem *items, size_t n_items) {
        uint64_t n = of->n_bound;

        for (size_t i = 0; i < n_items; i++)
                n += gang_is_same(items[i].class, of->class) ? items[i].count : 0;
        return n >= of->class->gang.min_member;
}

/* All that could be placed are: they stay if there are enough of them, and whoever is left waits. */
static void end_gang(WhatIf *w, WhatIfItem *items, size_t n_items) {
        uint64_t n = w->gang->n_bound;

        for (size_t i = 0; i < n_items; i++)
                if (gang_is_same(items[i].class, w->gang->class)) {
                        n += items[i].placed;
                        items[i].blocked = items[i].placed < items[i].count;
                }
        if (n >= w->gang->class->gang.min_member)
                w->progress |= w->n_placed > w->gang_first;
        else {
                w->keep = w->gang_first;
                for (size_t i = 0; i < n_items; i++)
                        items[i].blocked |= gang_is_same(items[i].class, w->gang->class);
        }
        w->gang = NULL;
}

/* One pod of the gang, as what_if_step(). */
static int step_gang(WhatIf *w, WhatIfItem *items, size_t n_items, const SchedAlgorithm *algorithm) {
        WhatIfItem *item;
        int r;

        while (w->gang_next < n_items && !(gang_is_same(items[w->gang_next].class, w->gang->class) && is_open(&items[w->gang_next])))
                w->gang_next++;
        if (w->gang_next == n_items) {
                end_gang(w, items, n_items);
                return 1;
        }
        item = &items[w->gang_next];
        r = what_if_prepare(w, item->class, algorithm);
        if (r != 0)
                return r;
        r = place(w, item, algorithm);
        if (r == 0)
                end_gang(w, items, n_items);
        return r < 0 ? r : 1;
}

static void begin_gang(WhatIf *w, WhatIfItem *items, size_t n_items) {
        w->gang = &items[w->next];
        w->gang_next = w->next;
        w->gang_first = w->n_placed;
        if (!gang_is_complete(w->gang, items, n_items))
                end_gang(w, items, n_items);
}

int what_if_step(WhatIf *w, WhatIfItem *items, size_t n_items, const SchedAlgorithm *algorithm) {
        WhatIfItem *item;
        int r;

        r = take_back(w);
        if (r > 0)
                return r;
        if (w->gang)
                return step_gang(w, items, n_items, algorithm);
        while (w->next < n_items && !is_open(&items[w->next]))
                w->next++;
        if (w->next == n_items)
                return begin_round(w, items, n_items);
        item = &items[w->next];
        if (item->class->gang.name) {
                begin_gang(w, items, n_items);
                return 1;
        }
        r = what_if_prepare(w, item->class, algorithm);
        if (r != 0)
                return r;
        r = w->search.going ? what_if_search(w, item, items, n_items, algorithm) : place(w, item, algorithm);
        if (r < 0)
                return r;
        if (r == 0 && !w->search.examined && what_if_search_begin(w, item->class))
                return 1;
        if (w->search.going)
                return 1;
        w->search.examined = 0;
        item->blocked = r == 0;
        w->progress |= r > 0;
        return 1;
}

/* --- Why not --- */

uint64_t what_if_count_preempting(const WhatIf *w, const WhatIfItem *items, size_t n_items) {
        int64_t lowest = INT64_MAX;
        uint64_t n = 0;

        for (size_t i = 0; i < w->n_copies; i++) {
                uint32_t n_of_class = 0;

                for (uint32_t k = 0; w->copies[i] && k < w->copies[i]->uses.n_items; k++) {
                        lowest = MIN(lowest, (int64_t) w->copies[i]->uses.items[k].class->priority);
                        n_of_class += w->copies[i]->uses.items[k].n;
                }
                if (w->copies[i] && n_of_class < w->copies[i]->n_pods)
                        lowest = MIN(lowest, INT64_C(0)); /* of pods without a class */
        }
        for (size_t i = 0; i < n_items; i++)
                if (items[i].class->preempts && items[i].class->priority > lowest)
                        n += items[i].count - items[i].placed;
        return n;
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

        for (size_t i = 0; i < w->n_copies; i++) {
                const SchedNode *n = w->copies[i];
                bool takes;

                if (!n || !n->open)
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
