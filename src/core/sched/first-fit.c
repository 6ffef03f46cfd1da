/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/algorithms.h"

static NodeIndexEntry *choose(NodeIndex *index, int64_t cpu) {
        return node_index_first(index, cpu);
}

const SchedAlgorithm sched_first_fit = {
        .name = "first-fit",
        .description = "the first registered node that has room",
        .pick = PICK_BEST,
        .order = NODE_ORDER_REGISTERED,
        .choose = choose,
};
