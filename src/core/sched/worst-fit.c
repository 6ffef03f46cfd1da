/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/algorithms.h"

/* The first of those that have the maximum comes first in (free, order). */
static NodeIndexEntry *choose(NodeIndex *index, int64_t cpu) {
        int64_t most = node_index_max_free(index);

        return most >= cpu ? node_index_tightest(index, most) : NULL;
}

static int64_t key(const Scheduler *s _unused_, const PodClass *c _unused_, const SchedNode *n) {
        return n->allocatable.cpu - n->used.cpu;
}

const SchedAlgorithm sched_worst_fit = {
        .name = "worst-fit",
        .description = "the node with the most free, the first registered of equals",
        .pick = PICK_BEST,
        .key = key,
        .order = NODE_ORDER_FREE,
        .choose = choose,
};
