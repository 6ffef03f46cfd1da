/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/algorithms.h"

static NodeIndexEntry *choose(NodeIndex *index, int64_t cpu) {
        return node_index_tightest(index, cpu);
}

const SchedAlgorithm sched_best_fit = {
        .name = "best-fit",
        .description = "the node that is left with the least free, the first registered of equals",
        .order = NODE_ORDER_FREE,
        .choose = choose,
};
