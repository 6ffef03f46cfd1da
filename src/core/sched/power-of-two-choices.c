/* SPDX-License-Identifier: Apache-2.0 */
/* Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing", IEEE TPDS 12(10), 2001. */
#include "core/sched/algorithms.h"
#include "core/sched/score.h"

static int64_t key(const Scheduler *s _unused_, const PodClass *c, const SchedNode *n) {
        return score_least_allocated(c, n);
}

const SchedAlgorithm sched_power_of_two_choices = {
        .name = "power-of-two-choices",
        .description = "the less used one of any two nodes that fit",
        .pick = PICK_TWO,
        .key = key,
};
