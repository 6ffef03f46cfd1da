/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table of placement algorithms. To add one: docs/ALGORITHMS.md, "To add one". */

#include "core/sched/node-index.h"
#include "core/sched/sched-node.h"
#include "core/sched/score.h"

typedef struct Scheduler Scheduler;

/* Whom it takes of those that fit. Ties go to the node that was registered first. */
typedef enum SchedPick {
        PICK_BEST,   /* the one with the greatest key */
        PICK_NEXT,   /* the first registered after the one that was taken last */
        PICK_RANDOM, /* any, by the seeded generator */
        PICK_TWO,    /* the one with the greater key of any two */
} SchedPick;

typedef struct SchedAlgorithm {
        const char *name;
        const char *description;
        SchedPick pick;
        /* How good a node that fits is for a pod of that class: the greater the better. Follows from the node alone. NULL: all are alike. */
        int64_t (*key)(const Scheduler *s, const PodClass *c, const SchedNode *n);
        /* Of profiles: the parts that the key is the sum of. */
        void (*key_parts)(const Scheduler *s, const PodClass *c, const SchedNode *n, int64_t ret[static _SCORE_OF_NODE]);
        bool profile; /* kube-scheduler's scores that look at all nodes (taints, affinities, spread) are added to the key */
        bool looks_at_workload; /* the key follows from Scheduler.usual, too */

        /* For pods that ask for CPU alone: a shortcut by the index that gives the same node in O(log nodes). Both or neither. */
        NodeOrder order; /* what choose() reads */
        /* The node for a pod that asks for `cpu` millicores, or NULL when none has room. */
        NodeIndexEntry *(*choose)(NodeIndex *index, int64_t cpu);
} SchedAlgorithm;

extern const SchedAlgorithm sched_first_fit, sched_best_fit, sched_worst_fit, sched_round_robin;
extern const SchedAlgorithm sched_kube, sched_most_allocated, sched_requested_to_capacity_ratio, sched_balanced, sched_random;
extern const SchedAlgorithm sched_power_of_two_choices, sched_dot_product, sched_fragmentation;

size_t sched_algorithm_count(void);
const SchedAlgorithm *sched_algorithm_get(size_t i);
/* NULL when there is none of that name. */
const SchedAlgorithm *sched_algorithm_find(const char *name);
