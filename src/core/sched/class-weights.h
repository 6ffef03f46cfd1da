/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For class-order.c: what a pod of each other class contributes to each counter, worked out once for each class. */

#include "core/sched/counter.h"

typedef struct ClassWeights {
        uint64_t *ids;     /* of classes; 0 = free; open addressing; owned */
        int64_t *weights;  /* n_counters for each; owned */
        size_t n_slots, n_used, n_counters;
} ClassWeights;

void class_weights_done(ClassWeights *w);
/* *ret is borrowed until the next call. -ENOMEM. */
int class_weights_get(ClassWeights *w, const Counter *counters, size_t n_counters, const PodClass *own, const PodClass *other,
                      const NamespaceLabels *namespaces, const int64_t **ret);
