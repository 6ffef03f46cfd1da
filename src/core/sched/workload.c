/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/workload.h"

#include "basic/string-util.h"

int64_t pod_class_gpus(const PodClass *c) {
        int64_t n = 0;

        for (size_t i = 0; i < c->n_extended; i++)
                n += endswith(c->extended[i].name, "/gpu") ? c->extended[i].amount : 0;
        return n;
}

static bool is_shape(const WorkloadShape *s, const PodClass *c, int64_t gpus) {
        return s->requests.cpu == c->requests.cpu && s->requests.memory == c->requests.memory && s->gpus == gpus;
}

void workload_add(Workload *w, const PodClass *c) {
        int64_t gpus = pod_class_gpus(c);
        WorkloadShape *rarest = w->shapes;

        w->n++;
        for (size_t i = 0; i < w->n_shapes; i++) {
                if (is_shape(&w->shapes[i], c, gpus)) {
                        w->shapes[i].n++;
                        return;
                }
                if (w->shapes[i].n < rarest->n)
                        rarest = &w->shapes[i];
        }
        if (w->n_shapes < WORKLOAD_SHAPES_MAX)
                rarest = &w->shapes[w->n_shapes++];
        else
                w->n -= rarest->n;
        *rarest = (WorkloadShape) { .requests = c->requests, .gpus = gpus, .n = 1 };
}
