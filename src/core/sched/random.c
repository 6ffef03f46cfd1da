/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/algorithms.h"

const SchedAlgorithm sched_random = {
        .name = "random",
        .description = "any node that fits, by the seeded generator",
        .pick = PICK_RANDOM,
};
