/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/algorithms.h"
#include "core/sched/score.h"

static int64_t key(const Scheduler *s _unused_, const PodClass *c, const SchedNode *n) {
        return score_balanced(c, n);
}

const SchedAlgorithm sched_balanced = {
        .name = "balanced",
        .description = "the node whose shares of CPU and memory would be most alike",
        .pick = PICK_BEST,
        .key = key,
};
