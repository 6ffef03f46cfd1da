/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/algorithms.h"

static NodeIndexEntry *choose(NodeIndex *index, int64_t cpu) {
        return node_index_next(index, cpu);
}

const SchedAlgorithm sched_round_robin = {
        .name = "round-robin",
        .description = "each registered node in turn, those without room are passed over",
        .pick = PICK_NEXT,
        .order = NODE_ORDER_REGISTERED,
        .choose = choose,
};
