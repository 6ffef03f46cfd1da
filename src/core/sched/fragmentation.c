/* SPDX-License-Identifier: Apache-2.0 */
/* Weng, Yang, Yu, et al., "Beware of Fragmentation: Scheduling GPU-Sharing Workloads with Fragmentation Gradient Descent", USENIX ATC
 * 2023, section 4: how many free GPUs of a node a pod of the usual workload could not use, before the placement and after it; the
 * node where that grows least is taken. GPUs are whole here: a pod has some or none, shares of one are not simulated. */
#include "basic/string-util.h"
#include "core/sched/scheduler.h"

#define SCALE 1000000

typedef struct Free {
        int64_t cpu, memory, gpus;
} Free;

static Free free_of(const SchedNode *n) {
        Free f = { .cpu = n->allocatable.cpu - n->used.cpu, .memory = n->allocatable.memory - n->used.memory };

        for (size_t i = 0; i < n->class->n_extended; i++) {
                const ExtendedResource *x = &n->class->extended[i];

                if (endswith(x->name, "/gpu"))
                        f.gpus += x->amount - sched_node_extended_used(n, x->name);
        }
        return f;
}

/* GPUs that a pod of the usual workload could not use, on the average. */
static double fragments(const Workload *w, const Free *f) {
        double sum = 0;

        if (w->n == 0 || f->gpus <= 0)
                return 0;
        for (size_t i = 0; i < w->n_shapes; i++) {
                const WorkloadShape *s = &w->shapes[i];
                bool usable = s->gpus > 0 && s->gpus <= f->gpus && s->requests.cpu <= f->cpu && s->requests.memory <= f->memory;

                sum += usable ? 0 : (double) s->n * (double) f->gpus;
        }
        return sum / (double) w->n;
}

static int64_t key(const Scheduler *s, const PodClass *c, const SchedNode *n) {
        Free before = free_of(n), after = before;

        after.cpu -= c->requests.cpu;
        after.memory -= c->requests.memory;
        after.gpus -= pod_class_gpus(c);
        return (int64_t) ((fragments(&s->usual, &before) - fragments(&s->usual, &after)) * SCALE);
}

const SchedAlgorithm sched_fragmentation = {
        .name = "fragmentation-gradient-descent",
        .description = "the node whose free GPUs stay most useful to the usual pods (FGD)",
        .pick = PICK_BEST,
        .key = key,
        .looks_at_workload = true,
};
