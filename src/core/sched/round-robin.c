/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/algorithms.h"

static NodeIndexEntry *choose(NodeIndex *index, int64_t cpu) {
        NodeIndexEntry *e;

        e = node_index_first(index, index->last_order + 1, cpu);
        if (!e)
                e = node_index_first(index, 0, cpu);
        if (e)
                index->last_order = e->order;
        return e;
}

const SchedAlgorithm sched_round_robin = {
        .name = "round-robin",
        .description = "each registered node in turn, those without room are passed over",
        .choose = choose,
};
