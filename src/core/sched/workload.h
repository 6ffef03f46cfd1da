/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What pods usually ask for: the shapes (CPU, memory, GPUs) of those that were placed, and how often each came. Of which the
 * fragmentation of a node is a question of. */

#include "core/model/pod-class.h"

#define WORKLOAD_SHAPES_MAX 32 /* the rarest one makes room for a new one */

typedef struct WorkloadShape {
        Resources requests;
        int64_t gpus;
        uint64_t n;
} WorkloadShape;

typedef struct Workload {
        WorkloadShape shapes[WORKLOAD_SHAPES_MAX];
        size_t n_shapes;
        uint64_t n;
} Workload;

/* A pod of that class was placed. */
void workload_add(Workload *w, const PodClass *c);
/* How many GPUs it asks for: all extended resources whose name ends in "/gpu". */
int64_t pod_class_gpus(const PodClass *c);
