/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What would the scheduler do? A copy of what it knows of the nodes, on which pods are placed by any algorithm without anybody noticing.
 * Everything that takes longer the more nodes or pods there are is done in small steps, between which the live state may go on:
 *
 *     what_if_new(), what_if_copy() until it gives 0: that fixes the state that is asked about
 *     for each algorithm: what_if_reset(), what_if_step() until it gives 0, what_if_measure()
 *     what_if_shrink() until it gives 0, what_if_free(): or the latter alone, if it may take its time
 *
 * Gangs are placed all or none, as by gang.h. With `preempts` pods of a lower priority are sent away for those that fit nowhere. Scheduling
 * gates are not looked at. */

#include "core/control/state.h"
#include "core/sched/harm.h"

/* Pods to be placed, all of one class. */
typedef struct WhatIfItem {
        char *name;       /* for people; owned */
        PodClass *class;  /* a reference */
        uint64_t count;   /* how many there are */
        uint64_t placed;
        bool blocked;     /* the next one has found no node */
        uint64_t n_bound; /* of its gang, on nodes already */
} WhatIfItem;

/* A PodDisruptionBudget when the copy was complete. */
typedef struct WhatIfBudget {
        const char *namespace; /* this and the selector borrow from WhatIf.budget_arena */
        Requirements selector;
        int64_t allowed, gone; /* how many of its pods it lets go, and how many have gone since */
        int64_t left;          /* of them, while the victims of one node are counted */
} WhatIfBudget;

typedef struct WhatIfVictim {
        PodClass *class; /* borrowed from the node */
        bool violates;   /* a budget does not let it go */
} WhatIfVictim;

typedef struct WhatIfVictims {
        WhatIfVictim *items; /* owned */
        size_t n, allocated;
} WhatIfVictims;

/* Which node is to lose pods for the one that is being placed. */
typedef struct WhatIfSearch {
        bool going;
        size_t from, examined, found; /* slots */
        SchedNode *best;              /* NULL: none yet */
        Harm harm;                    /* of its victims */
        WhatIfVictims victims, here;  /* here: of the node that is being examined */
} WhatIfSearch;

typedef struct WhatIf {
        Scheduler scheduler;     /* its pool is for the classes that are asked about */
        const Cluster *cluster;
        SchedNode **copies;      /* by the slot of the live one; owned, NULL: there is none */
        size_t n_copies, copies_allocated;
        size_t to_copy;          /* the slot that is copied next */
        uint64_t seen;           /* changes of the live scheduler that the copies have, or will have once all are copied */
        Workload workload, usual; /* of the live scheduler when the copy was complete */
        uint64_t last_order;

        struct WhatIfPlaced *placed; /* owned */
        size_t n_placed, allocated;
        bool preempts;           /* set it before the copy is made */
        WhatIfBudget *budgets;   /* owned; only with that */
        size_t n_budgets, budgets_allocated;
        JsonArena budget_arena;
        WhatIfSearch search;
        uint64_t n_preempted;    /* pods that were there before and have been sent away */
        size_t keep;             /* so many of them; what is more is being taken back */
        bool begins;             /* after a reset: orders of the algorithm before are still there */
        uint64_t seed;
        size_t next;             /* item */
        bool progress;           /* something was placed in this round through the items */
        const WhatIfItem *gang;  /* one of those of the gang that is being placed, NULL: none is */
        size_t gang_next;        /* item */
        size_t gang_first;       /* in placed */
} WhatIf;

/* An empty copy. -ENOMEM. The cluster must outlive it. */
int what_if_new(Cluster *c, uint64_t seed, WhatIf **ret);
WhatIf *what_if_free(WhatIf *w);
DEFINE_CLEANUP(WhatIf*, what_if_free)
/* Copies some nodes: 1, or 0 when all are there as they are now. -ENOMEM. */
int what_if_copy(WhatIf *w, WhatIfItem *items, size_t n_items);
/* Frees some of the copies; nothing else may be done with it after: 1, or 0 when there are no more. */
int what_if_shrink(WhatIf *w);
/* Takes back what was placed (the steps that follow do); the generator begins anew. */
void what_if_reset(WhatIf *w, WhatIfItem *items, size_t n_items);
/* The class of a pod that there is, as a reference. -EDOM, -ENOMEM. */
int what_if_class_of(WhatIf *w, const PodState *ps, PodClass **ret);
/* The room of a pod, if it is bound, becomes free. The copy must be complete, of this very moment. */
void what_if_take_pod(WhatIf *w, const PodState *ps);

/* Places at most one pod, or finds that it fits nowhere, or does a part of what has to be done before: 1; 0 when there is nothing left to
 * place or to try. Items come in their order; those that are blocked are tried again as long as others are placed. -ENOMEM. */
int what_if_step(WhatIf *w, WhatIfItem *items, size_t n_items, const SchedAlgorithm *algorithm);
/* A part of what it takes to look at all nodes for the class: 1, or 0 when that was all. -ENOMEM. */
int what_if_prepare(WhatIf *w, PodClass *class, const SchedAlgorithm *algorithm);
/* Is it about placing pods, and not still taking back what another algorithm has placed? */
bool what_if_places(const WhatIf *w);
/* Why no node takes a pod of the class (now), in kube-scheduler's words. -ENOMEM. */
int what_if_put_reason(WhatIf *w, PodClass *class, const SchedAlgorithm *algorithm, StrBuf *b);
/* How many of the pods that found no node might send pods of a lower priority away that are on nodes. */
uint64_t what_if_count_preempting(const WhatIf *w, const WhatIfItem *items, size_t n_items);
void what_if_item_done(WhatIfItem *item);

/* Shares, from 0 to 1. */
typedef struct WhatIfShares {
        double used;          /* of all nodes that live */
        double used_of_used;  /* of those that have pods */
        double fragmentation; /* of what is free: how much is on nodes that cannot take the usual pod */
        double deviation;     /* standard deviation of the nodes' own shares, over all that live */
} WhatIfShares;

typedef struct WhatIfMeasure {
        size_t nodes, nodes_used; /* that live; of them: with pods */
        WhatIfShares cpu, memory;
} WhatIfMeasure;

/* How the nodes stand. usual: of the fragmentation; NULL: everything counts as usable. */
WhatIfMeasure what_if_measure(const WhatIf *w, const PodClass *usual);
