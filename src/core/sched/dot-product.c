/* SPDX-License-Identifier: Apache-2.0 */
/* Grandl, Ananthanarayanan, Kandula, Rao, Akella, "Multi-Resource Packing for Cluster Schedulers" (Tetris), SIGCOMM 2014: section 3.2,
 * the alignment of what a task asks for with what a machine has free, both as shares of the machine. */
#include "core/sched/algorithms.h"

#define SCALE 1000000

/* (free / whole) * (request / whole), in millionths. */
static int64_t product(int64_t request, int64_t used, int64_t whole) {
        if (whole <= 0 || used >= whole)
                return 0;
        return (int64_t) ((double) (whole - used) / (double) whole * ((double) request / (double) whole) * SCALE);
}

static int64_t key(const Scheduler *s _unused_, const PodClass *c, const SchedNode *n) {
        int64_t sum = product(c->requests.cpu, n->used.cpu, n->allocatable.cpu) + product(c->requests.memory, n->used.memory, n->allocatable.memory) +
                      product(c->requests.ephemeral, n->used.ephemeral, n->allocatable.ephemeral);

        for (size_t i = 0; i < c->n_extended; i++)
                sum += product(c->extended[i].amount, sched_node_extended_used(n, c->extended[i].name), sched_node_extended(n, c->extended[i].name));
        return sum;
}

const SchedAlgorithm sched_dot_product = {
        .name = "dot-product",
        .description = "the node whose free resources are most like what the pod asks for (Tetris)",
        .pick = PICK_BEST,
        .key = key,
};
