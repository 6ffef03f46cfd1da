/* SPDX-License-Identifier: Apache-2.0 */
/* Preemption on the copy: as preemption.c, but by classes, because the copy does not know single pods. Pods of one class are alike but for
 * when they began to run, which is not compared; those of the native API have no class, and stay. Whom a controller would make again is not. */
#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/what-if-internal.h"
#include "core/sched/harm.h"

#define EXAMINED_MAX 32 /* nodes that are examined in one step */
#define BUDGETS_MAX (64 * MIB)

/* --- Disruption budgets --- */

void what_if_budgets_done(WhatIf *w) {
        for (size_t i = 0; i < w->n_budgets; i++)
                requirements_done(&w->budgets[i].selector);
        json_arena_done(&w->budget_arena);
        w->budgets = mfree(w->budgets);
        w->n_budgets = w->budgets_allocated = 0;
}

static int read_budget(WhatIf *w, const Object *o) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        WhatIfBudget *budget;
        const char *namespace;
        size_t size;
        Json *root;
        char *text;
        int r;

        if (!GREEDY_REALLOC(w->budgets, w->budgets_allocated, w->n_budgets + 1))
                return -ENOMEM;
        strbuf_printf(&b, "{\"spec\":{%s},\"status\":{%s}}", o->doc->spec, o->doc->status);
        if (strbuf_error(&b) < 0)
                return strbuf_error(&b);
        text = json_arena_copy(&w->budget_arena, b.data, b.size);
        if (!text)
                return -ENOMEM;
        r = json_tree_parse(&w->budget_arena, text, b.size, &root, NULL);
        if (r < 0)
                return r;
        budget = &w->budgets[w->n_budgets];
        *budget = (WhatIfBudget) { .allowed = json_i64(json_at(root, "status", "disruptionsAllowed", NULL), 0) };
        namespace = object_namespace(o, &size);
        budget->namespace = json_arena_copy(&w->budget_arena, namespace, size);
        r = budget->namespace ? requirements_read_selector(&budget->selector, json_at(root, "spec", "selector", NULL)) : -ENOMEM;
        w->n_budgets++;
        return r;
}

int what_if_read_budgets(WhatIf *w) {
        size_t hint = 0;
        int r = 0;

        what_if_budgets_done(w);
        w->budget_arena = JSON_ARENA_INIT(BUDGETS_MAX);
        for (StoreEntry *e = NULL; r >= 0 && (e = store_next(w->cluster->store, KIND_POD_DISRUPTION_BUDGET, e ? e->object->id : 0, &hint));)
                r = read_budget(w, e->object);
        return r;
}

/* One pod of the class goes: what budgets allow is less by it. Does one of them not let it? */
static bool take_from_budgets(WhatIf *w, const PodClass *class, bool for_good) {
        bool violates = false;

        for (size_t i = 0; i < w->n_budgets; i++) {
                WhatIfBudget *b = &w->budgets[i];

                if (!streq(b->namespace, class->namespace) || !requirements_hold(&b->selector, pod_class_label, class))
                        continue;
                violates |= b->left-- <= 0;
                b->gone += for_good;
        }
        return violates;
}

/* --- One node --- */

static int compare_importance(const void *a, const void *b) {
        const WhatIfVictim *x = a, *y = b;

        if (x->violates != y->violates)
                return x->violates ? -1 : 1;
        return CMP(y->class->priority, x->class->priority) ?: CMP(x->class->id, y->class->id);
}

static int gather(WhatIf *w, const SchedNode *n, int32_t priority, WhatIfVictims *ret) {
        ret->n = 0;
        for (uint32_t i = 0; i < n->uses.n_items; i++) {
                const SchedUse *u = &n->uses.items[i];

                for (uint32_t k = 0; k < u->n && u->class->priority < priority; k++) {
                        if (!GREEDY_REALLOC(ret->items, ret->allocated, ret->n + 1))
                                return -ENOMEM;
                        ret->items[ret->n++] = (WhatIfVictim) { .class = u->class };
                }
        }
        if (ret->n == 0)
                return 0;
        qsort(ret->items, ret->n, sizeof(WhatIfVictim), compare_importance);
        for (size_t i = 0; i < w->n_budgets; i++)
                w->budgets[i].left = w->budgets[i].allowed - w->budgets[i].gone;
        for (size_t i = 0; i < ret->n; i++)
                ret->items[i].violates = take_from_budgets(w, ret->items[i].class, false);
        qsort(ret->items, ret->n, sizeof(WhatIfVictim), compare_importance);
        return 0;
}

/* Is the next one of the class to go one that is being removed anyway? They go last, so that there are never more of them than pods. */
static bool next_is_ending(const SchedNode *n, const PodClass *class) {
        for (uint32_t i = 0; i < n->uses.n_items; i++)
                if (n->uses.items[i].class == class)
                        return n->uses.items[i].n_ending == n->uses.items[i].n;
        return false;
}

/* Lets those come back that the pod does not need gone, the most important first; the others are left in v. -ENOMEM. */
static int reprieve(ClassOrder *o, size_t slot, SchedNode *without, WhatIfVictims *v, Harm *ret) {
        size_t n = 0;

        for (size_t i = 0; i < v->n; i++) {
                if (sched_node_reserve(without) < 0)
                        return -ENOMEM;
                sched_node_attach(without, v->items[i].class, 0, false);
                if (class_order_verdict_with(o, slot, without).kind == FILTER_FITS)
                        continue;
                sched_node_detach(without, v->items[i].class, 0, false);
                harm_add(ret, v->items[i].class->priority, v->items[i].violates, 0);
                v->items[n++] = v->items[i];
        }
        v->n = n;
        return 0;
}

/* Keeps the node in mind if the pod would fit there without its victims, with less harm than elsewhere. */
static int examine(WhatIf *w, ClassOrder *o, size_t slot) {
        WhatIfSearch *s = &w->search;
        SchedNode without, *n = w->scheduler.nodes[slot];
        Harm harm = {};
        int r;

        if (!n || preemption_is_hopeless(o, slot))
                return 0;
        r = gather(w, n, o->class->priority, &s->here);
        if (r < 0 || s->here.n == 0)
                return r;
        r = sched_node_copy(n, &without);
        if (r < 0)
                return r;
        for (size_t i = 0; i < s->here.n; i++)
                sched_node_detach(&without, s->here.items[i].class, 0, next_is_ending(&without, s->here.items[i].class));
        if (class_order_verdict_with(o, slot, &without).kind == FILTER_FITS)
                r = reprieve(o, slot, &without, &s->here, &harm);
        sched_node_done(&without);
        if (r < 0 || harm.n_victims == 0)
                return r;
        s->found++;
        if (!s->best || harm_is_less(&harm, &s->harm)) {
                WhatIfVictims worse = s->victims;

                s->victims = s->here;
                s->here = worse;
                s->harm = harm;
                s->best = n;
        }
        return 0;
}

/* --- The deed --- */

static WhatIfItem *item_of(WhatIfItem *items, size_t n_items, const PodClass *class) {
        for (size_t i = 0; i < n_items; i++)
                if (items[i].class == class && items[i].placed > 0)
                        return &items[i];
        return NULL;
}

static int send_away(WhatIf *w, SchedNode *n, PodClass *class, WhatIfItem *items, size_t n_items) {
        WhatIfPlaced *p;

        if (!GREEDY_REALLOC(w->placed, w->allocated, w->n_placed + 1))
                return -ENOMEM;
        p = &w->placed[w->n_placed++];
        *p = (WhatIfPlaced) { .node = n, .item = item_of(items, n_items, class), .gone = pod_class_ref(class), .ending = next_is_ending(n, class) };
        sched_node_detach(n, class, 0, p->ending);
        scheduler_note(&w->scheduler, n, SCHED_EVENT_POD_GONE);
        (void) take_from_budgets(w, class, true);
        w->n_preempted += !p->item;
        if (p->item) { /* one of those that are asked about: it waits again */
                p->item->placed--;
                p->item->blocked = true;
        }
        return 0;
}

void what_if_bring_back(WhatIf *w, WhatIfPlaced *p) {
        if (p->nominated)
                (void) sched_node_nominate(p->node, p->gone); /* there is room: it was there */
        else
                sched_node_attach(p->node, p->gone, 0, p->ending); /* the same */
        scheduler_note(&w->scheduler, p->node, SCHED_EVENT_POD_CAME);
        w->n_preempted -= !p->item && !p->nominated;
        if (p->item)
                p->item->placed++;
        pod_class_unref(p->gone);
}

/* As preemption.c has it of lesser pods that were to come to the node. Those that are asked about never are: they come at once. */
static int take_nominations_back(WhatIf *w, SchedNode *n, int32_t priority) {
        for (uint32_t i = 0; i < n->nominated.n_items;) {
                PodClass *class = n->nominated.items[i].class;

                if (class->priority >= priority) {
                        i++;
                        continue;
                }
                if (!GREEDY_REALLOC(w->placed, w->allocated, w->n_placed + 1))
                        return -ENOMEM;
                w->placed[w->n_placed++] = (WhatIfPlaced) { .node = n, .gone = pod_class_ref(class), .nominated = true };
                sched_node_unnominate(n, class); /* there is one less */
                scheduler_note(&w->scheduler, n, SCHED_EVENT_POD_GONE);
        }
        return 0;
}

/* --- The search --- */

void what_if_search_done(WhatIf *w) {
        free(w->search.victims.items);
        free(w->search.here.items);
        w->search = (WhatIfSearch) {};
}

bool what_if_search_begin(WhatIf *w, const PodClass *class) {
        bool lower = pod_class_pool_has_lower(&w->cluster->scheduler.classes, class->priority) ||
                     pod_class_pool_has_lower(&w->scheduler.classes, class->priority);

        if (!w->preempts || !class->preempts || !lower || w->scheduler.n_slots == 0)
                return false;
        w->search.going = true;
        w->search.best = NULL;
        w->search.found = w->search.examined = 0;
        w->search.from = (size_t) prng_below(&w->scheduler.prng, w->scheduler.n_slots);
        return true;
}

static bool goes_on(const WhatIf *w) {
        return w->search.examined < w->scheduler.n_slots && preemption_looks_further(w->scheduler.n_nodes, w->search.found, &w->search.harm);
}

int what_if_search(WhatIf *w, WhatIfItem *item, WhatIfItem *items, size_t n_items, const SchedAlgorithm *algorithm) {
        size_t n_slots = w->scheduler.n_slots;
        WhatIfSearch *s = &w->search;
        ClassOrder *o;
        int r;

        r = scheduler_order(&w->scheduler, item->class, algorithm, &o);
        if (r < 0)
                return r;
        (void) class_order_judge(o);
        for (unsigned n = 0; r >= 0 && n < EXAMINED_MAX && goes_on(w); n++)
                r = examine(w, o, (s->from + s->examined++) % n_slots);
        if (r < 0 || goes_on(w))
                return r < 0 ? r : 1;
        s->going = false;
        if (s->best)
                r = take_nominations_back(w, s->best, item->class->priority);
        for (size_t i = 0; s->best && i < s->victims.n && r >= 0; i++)
                r = send_away(w, s->best, s->victims.items[i].class, items, n_items);
        return s->best && r >= 0 ? what_if_put(w, item, s->best) : r;
}
