/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/algorithms.h"

static NodeIndexEntry *choose(NodeIndex *index, int64_t cpu) {
        return node_index_tightest(index, cpu);
}

static int64_t key(const Scheduler *s _unused_, const PodClass *c _unused_, const SchedNode *n) {
        return n->used.cpu - n->allocatable.cpu;
}

const SchedAlgorithm sched_best_fit = {
        .name = "best-fit",
        .description = "the node that is left with the least free, the first registered of equals",
        .pick = PICK_BEST,
        .key = key,
        .order = NODE_ORDER_FREE,
        .choose = choose,
};
