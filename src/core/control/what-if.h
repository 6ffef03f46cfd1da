/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What would the scheduler do? A copy of what it knows of the nodes, on which pods are placed by any algorithm without anybody noticing.
 * Pods are placed one by one, as they come: gangs, preemption and scheduling gates are not looked at. */

#include "core/control/state.h"

/* Pods to be placed, all of one class. */
typedef struct WhatIfItem {
        char *name;       /* for people; owned */
        PodClass *class;  /* a reference */
        uint64_t count;   /* how many there are */
        uint64_t placed;
        bool blocked;     /* the next one has found no node */
} WhatIfItem;

typedef struct WhatIf {
        Scheduler scheduler;     /* its pool is for the classes that are asked about */
        const Cluster *cluster;
        SchedNode *nodes;        /* owned */
        size_t n_nodes;
        struct WhatIfPlaced *placed; /* owned */
        size_t n_placed, allocated;
        uint64_t seed;
        size_t next;             /* item */
        bool progress;           /* something was placed in this round through the items */
} WhatIf;

/* The state as it is now: O(nodes). Everything later takes its own time. -ENOMEM. The cluster must outlive it. */
int what_if_new(Cluster *c, uint64_t seed, WhatIf **ret);
WhatIf *what_if_free(WhatIf *w);
DEFINE_CLEANUP(WhatIf*, what_if_free)
/* Takes back what was placed; the generator begins anew. */
void what_if_reset(WhatIf *w, WhatIfItem *items, size_t n_items);
/* The class of a pod that there is, as a reference; its room, if it is bound, becomes free. -EDOM, -ENOMEM. */
int what_if_take_pod(WhatIf *w, const PodState *ps, PodClass **ret);

/* Places one pod, or finds that it fits nowhere: 1; 0 when there is nothing left to place or to try. Items come in their order; those that
 * are blocked are tried again as long as others are placed. -ENOMEM. */
int what_if_step(WhatIf *w, WhatIfItem *items, size_t n_items, const SchedAlgorithm *algorithm);
/* Why no node takes a pod of the class (now), in kube-scheduler's words. -ENOMEM. */
int what_if_put_reason(WhatIf *w, PodClass *class, const SchedAlgorithm *algorithm, StrBuf *b);
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
