/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table of placement algorithms. To add one: a file with its function, a row, a test. */

#include "core/sched/node-index.h"

typedef struct SchedAlgorithm {
        const char *name;
        const char *description;
        NodeOrder order; /* what choose() reads */
        /* The node for a pod that asks for `cpu` millicores (> 0), or NULL when none has room. O(log nodes). */
        NodeIndexEntry *(*choose)(NodeIndex *index, int64_t cpu);
} SchedAlgorithm;

extern const SchedAlgorithm sched_first_fit;
extern const SchedAlgorithm sched_best_fit;
extern const SchedAlgorithm sched_worst_fit;
extern const SchedAlgorithm sched_round_robin;

size_t sched_algorithm_count(void);
const SchedAlgorithm *sched_algorithm_get(size_t i);
/* NULL when there is none of that name. */
const SchedAlgorithm *sched_algorithm_find(const char *name);
