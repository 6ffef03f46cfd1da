/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/preemption.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/disruption-budget.h"
#include "core/control/placement.h"
#include "core/control/pods.h"
#include "core/control/selectors.h"
#include "core/sched/harm.h"

#define BUDGETS_MAX (256 * MIB)

typedef struct Victim {
        PodState *ps;
        bool violates; /* a disruption budget does not let it go */
} Victim;

/* What would have to go from one node. */
typedef struct Candidate {
        NodeState *ns;
        Victim *victims; /* owned */
        size_t n_victims, allocated;
        Harm harm;
} Candidate;

static void candidate_done(Candidate *x) {
        free(x->victims);
        *x = (Candidate) {};
}

static int32_t priority_of(const PodState *ps) {
        return pod_of(ps)->class ? pod_of(ps)->class->priority : 0;
}

static usec_t start_of(const PodState *ps) {
        return pod_of(ps)->started > 0 ? pod_of(ps)->started : USEC_INFINITY;
}

/* --- Disruption budgets --- */

typedef struct Budget {
        const Object *object;  /* in the store */
        const Json *selector;  /* in Search.arena: read once, and asked for each pod that could go */
        int64_t allowed;       /* how many of its pods it lets go */
        int64_t left;          /* of them, while the victims of one node are counted */
} Budget;

/* What the search for victims needs. */
typedef struct Search {
        Cluster *cluster;
        ClassOrder *order;
        int32_t priority;
        Budget *budgets;  /* all of the cluster's; owned */
        size_t n_budgets, budgets_allocated;
        JsonArena arena;  /* of the budgets' selectors */
        Verdict *without; /* by slot: what stands against each node without whom may be sent away; owned */
} Search;

static void search_done(Search *s) {
        free(s->budgets);
        free(s->without);
        json_arena_done(&s->arena);
}

static int read_budgets(Search *s) {
        size_t hint = 0;
        Json *status;
        int r;

        for (StoreEntry *e = NULL; (e = store_next(s->cluster->store, KIND_POD_DISRUPTION_BUDGET, e ? e->object->id : 0, &hint));) {
                if (!GREEDY_REALLOC(s->budgets, s->budgets_allocated, s->n_budgets + 1))
                        return -ENOMEM;
                s->budgets[s->n_budgets] = (Budget) { .object = e->object };
                r = selector_of(e->object, &s->arena, &s->budgets[s->n_budgets].selector);
                if (r < 0)
                        return r;
                r = budget_read_status(e->object, &s->arena, &status);
                if (r < 0)
                        return r;
                s->budgets[s->n_budgets++].allowed = json_i64(json_get(status, "disruptionsAllowed"), 0);
        }
        return 0;
}

/* Its budgets let one pod less go now. Does one of them not let this one? */
static bool take_from_budgets(Search *s, const Object *pod) {
        bool violates = false;

        for (size_t i = 0; i < s->n_budgets; i++) {
                Budget *b = &s->budgets[i];

                if (object_shares_namespace(b->object, pod) && label_selector_matches(b->selector, pod->doc))
                        violates |= b->left-- <= 0;
        }
        return violates;
}

/* --- One node --- */

/* The most important ones first: they are the first that may stay. Those that a budget protects before all others. */
static int compare_importance(const void *a, const void *b) {
        const Victim *x = a, *y = b;

        if (x->violates != y->violates)
                return x->violates ? -1 : 1;
        return CMP(priority_of(y->ps), priority_of(x->ps)) ?: CMP(start_of(x->ps), start_of(y->ps)) ?:
               CMP(x->ps->entry.object->id, y->ps->entry.object->id);
}

/* All pods there that matter less. The more important ones have the first claim to what budgets allow. */
static int gather(Search *s, NodeState *ns, Candidate *ret) {
        PodState *ps;

        LIST_FOREACH(ps, &ns->pods, PodState, in_node) {
                if (priority_of(ps) >= s->priority)
                        continue;
                if (!GREEDY_REALLOC(ret->victims, ret->allocated, ret->n_victims + 1))
                        return -ENOMEM;
                ret->victims[ret->n_victims++] = (Victim) { .ps = ps };
        }
        if (ret->n_victims == 0)
                return 0;
        qsort(ret->victims, ret->n_victims, sizeof(Victim), compare_importance);
        for (size_t i = 0; i < s->n_budgets; i++)
                s->budgets[i].left = s->budgets[i].allowed;
        for (size_t i = 0; i < ret->n_victims; i++)
                ret->victims[i].violates = take_from_budgets(s, ret->victims[i].ps->entry.object);
        qsort(ret->victims, ret->n_victims, sizeof(Victim), compare_importance);
        return 0;
}

static void detach(SchedNode *n, const PodState *ps) {
        sched_node_detach(n, pod_of(ps)->class, pod_of(ps)->cpu, pod_of(ps)->status == POD_TERMINATING);
}

/* Lets them come back one after the other as long as the pod still fits; the others are its victims. -ENOMEM. */
static int reprieve(ClassOrder *o, size_t slot, SchedNode *without, Candidate *x) {
        size_t n = 0;

        for (size_t i = 0; i < x->n_victims; i++) {
                const Pod *p = pod_of(x->victims[i].ps);

                if (sched_node_reserve(without) < 0)
                        return -ENOMEM;
                sched_node_attach(without, p->class, p->cpu, p->status == POD_TERMINATING);
                if (class_order_verdict_with(o, slot, without).kind == FILTER_FITS)
                        continue;
                detach(without, x->victims[i].ps);
                x->victims[n++] = x->victims[i];
        }
        x->n_victims = n;
        return 0;
}

static void weigh(Candidate *x) {
        for (size_t i = 0; i < x->n_victims; i++)
                harm_add(&x->harm, priority_of(x->victims[i].ps), x->victims[i].violates, start_of(x->victims[i].ps));
}

/* 1 when the pod would fit there once x's victims are gone. */
static int examine(Search *s, size_t slot, Candidate *x) {
        NodeState *ns = container_of(s->cluster->scheduler.nodes[slot], NodeState, sched);
        SchedNode without;
        int r;

        *x = (Candidate) { .ns = ns };
        s->without[slot].kind = preemption_is_hopeless(s->order, slot) ? FILTER_UNHELPED : FILTER_NO_VICTIMS;
        if (s->without[slot].kind == FILTER_UNHELPED)
                return 0;
        r = gather(s, ns, x);
        if (r < 0 || x->n_victims == 0)
                return r;
        r = sched_node_copy(&ns->sched, &without);
        if (r < 0)
                return r;
        for (size_t i = 0; i < x->n_victims; i++)
                detach(&without, x->victims[i].ps);
        s->without[slot] = class_order_verdict_with(s->order, slot, &without);
        if (s->without[slot].kind == FILTER_FITS) {
                r = reprieve(s->order, slot, &without, x);
                weigh(x);
        } else
                x->n_victims = 0;
        sched_node_done(&without);
        return r < 0 ? r : x->n_victims > 0;
}

/* The best of as many as are to be looked at, from a random one on. -ENOMEM. */
static int find_best(Search *search, Candidate *best) {
        const Scheduler *s = &search->cluster->scheduler;
        size_t found = 0, from;

        if (s->n_slots == 0)
                return 0;
        search->without = new0(Verdict, s->n_slots);
        if (!search->without)
                return -ENOMEM;
        from = (size_t) prng_below(&search->cluster->prng, s->n_slots);
        for (size_t i = 0; i < s->n_slots && preemption_looks_further(s->n_nodes, found, &best->harm); i++) {
                size_t slot = (from + i) % s->n_slots;
                Candidate x = {};
                int r;

                r = s->nodes[slot] ? examine(search, slot, &x) : 0;
                if (r > 0 && (found == 0 || harm_is_less(&x.harm, &best->harm))) {
                        candidate_done(best);
                        *best = x;
                        x = (Candidate) {};
                }
                found += r > 0;
                candidate_done(&x);
                if (r < 0)
                        return r;
        }
        return found > 0;
}

/* --- The deed --- */

/* Pods that were sent away for it before are still on their way, and it would help if they were gone: from a node that does not live any more
 * they may never go. kube-scheduler, PodEligibleToPreemptOthers(). */
static bool is_waiting_for_victims(Cluster *c, const ClassOrder *o, const Pod *p) {
        NodeState *ns = p->nominated ? find_node(c, p->nominated) : NULL;
        PodState *ps;

        if (!ns || preemption_is_hopeless(o, ns->sched.slot))
                return false;
        LIST_FOREACH(ps, &ns->pods, PodState, in_node)
                if (pod_of(ps)->status == POD_TERMINATING && priority_of(ps) < p->class->priority)
                        return true;
        return false;
}

/* ns: NULL takes it back. */
static int nominate(Cluster *c, PodState *ps, const NodeState *ns) {
        Pod *p;
        int r;

        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        r = pod_set_nominated(p, ns ? node_of(ns)->object.name : NULL);
        if (r < 0) {
                pod_unref(p);
                return r;
        }
        return cluster_put(c, &p->object);
}

/* A pod of the class that waits and is nominated to that node, or NULL. */
static PodState *find_nominated(const PodClass *class, const char *node) {
        ClassQueue *queue = class_queue_find(class);

        for (PendingEntry *e = queue ? pending_queue_first(&queue->pods) : NULL; e; e = pending_queue_next(e))
                if (streq_ptr(pod_of(container_of(e, PodWait, entry)->pod)->nominated, node))
                        return container_of(e, PodWait, entry)->pod;
        return NULL;
}

/* Lesser pods that were to come to the node, and for which others have gone, may not fit any more once that pod is there: they are to look for
 * another one now, and not when its victims have gone. kube-scheduler, prepareCandidate(). */
static int take_nominations_back(Cluster *c, const NodeState *ns, int32_t priority) {
        const SchedUses *nominated = &ns->sched.nominated;

        for (uint32_t i = 0; i < nominated->n_items;) {
                const PodClass *class = nominated->items[i].class;
                PodState *ps = class->priority < priority ? find_nominated(class, node_of(ns)->object.name) : NULL;
                int r;

                if (!ps) { /* one of another scheduler's is that one's to tell */
                        i++;
                        continue;
                }
                r = nominate(c, ps, NULL); /* there is one less */
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The pod is nominated first, so that whoever comes in between does not get the room. */
static int evict_victims(Cluster *c, PodState *ps, const Candidate *x) {
        char why[600], uid[UUID_STRING_MAX];
        int r;

        (void) uuid_to_string(ps->entry.object->uid, uid);
        r = nominate(c, ps, x->ns);
        if (r >= 0)
                r = take_nominations_back(c, x->ns, pod_of(ps)->class->priority);
        for (size_t i = 0; i < x->n_victims && r >= 0; i++) {
                (void) snprintf(why, sizeof(why), "Preempted by pod %s on node %s", uid, node_of(x->ns)->object.name);
                cluster_event(c, EVENT_POD_PREEMPTED, node_of(x->ns)->object.name, x->victims[i].ps->entry.object->name, why);
                r = pod_remove(c, x->victims[i].ps, -1, POD_DISRUPTION_PREEMPTION);
        }
        return r < 0 ? r : 1;
}

static Verdict without_preemption(const ClassOrder *o, size_t slot, const void *userdata _unused_) {
        return (Verdict) { .kind = preemption_is_hopeless(o, slot) ? FILTER_UNHELPED : FILTER_NO_VICTIMS };
}

static Verdict as_examined(const ClassOrder *o _unused_, size_t slot, const void *search) {
        return ((const Search*) search)->without[slot];
}

/* kube-scheduler's words of nodes where it does not help. */
static void put_failure(const ClassOrder *o, const Search *search, StrBuf *message) {
        if (o->scheduler->n_nodes == 0)
                return;
        strbuf_puts(message, " preemption: ");
        class_order_put_reasons(o, search ? as_examined : without_preemption, search, message);
}

bool preemption_is_possible(const Cluster *c, const PodClass *class) {
        return class->preempts && pod_class_pool_has_lower(&c->scheduler.classes, class->priority);
}

void preemption_put_impossible(const ClassOrder *o, StrBuf *message) {
        if (o->class->preempts)
                put_failure(o, NULL, message);
        else
                strbuf_puts(message, " preemption: not eligible due to preemptionPolicy=Never.");
}

int preemption_forget(Cluster *c, PodState *ps) {
        return pod_of(ps)->nominated ? nominate(c, ps, NULL) : 0;
}

int preempt(Cluster *c, PodState *ps, StrBuf *message) {
        _cleanup_(candidate_done) Candidate best = {};
        PodClass *class = pod_of(ps)->class;
        _cleanup_(search_done) Search search = { .cluster = c, .priority = class->priority, .arena = JSON_ARENA_INIT(BUDGETS_MAX) };
        int r;

        r = scheduler_order(&c->scheduler, class, placement_algorithm(c, pod_of(ps)), &search.order);
        if (r < 0)
                return r;
        (void) class_order_judge(search.order);
        if (is_waiting_for_victims(c, search.order, pod_of(ps))) {
                strbuf_puts(message, " preemption: not eligible due to a terminating pod on the nominated node.");
                return 0;
        }
        r = read_budgets(&search);
        if (r >= 0)
                r = find_best(&search, &best);
        if (r > 0)
                return evict_victims(c, ps, &best);
        if (r < 0)
                return r;
        put_failure(search.order, &search, message);
        return preemption_forget(c, ps);
}
