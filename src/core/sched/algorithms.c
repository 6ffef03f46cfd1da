/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/algorithms.h"

#include "basic/string-util.h"

static const SchedAlgorithm *const algorithms[] = {
        &sched_first_fit, &sched_best_fit,       &sched_worst_fit,
        &sched_round_robin, &sched_kube,         &sched_most_allocated,
        &sched_requested_to_capacity_ratio,      &sched_balanced,
        &sched_random,    &sched_power_of_two_choices,
        &sched_dot_product, &sched_fragmentation,
};

size_t sched_algorithm_count(void) {
        return ELEMENTSOF(algorithms);
}

const SchedAlgorithm *sched_algorithm_get(size_t i) {
        assert(i < ELEMENTSOF(algorithms));
        return algorithms[i];
}

const SchedAlgorithm *sched_algorithm_find(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(algorithms); i++)
                if (streq(algorithms[i]->name, name))
                        return algorithms[i];
        return NULL;
}
