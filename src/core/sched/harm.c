/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/harm.h"

#include "core/sched/scheduler.h"

/* kube-scheduler compares a tenth of the nodes, but at least so many, and further ones until one violates no budget; it does that beside other
 * things, where here everybody waits: so of very many no more than a turn of the loop has time for. */
#define CANDIDATES_PERCENT 10
#define CANDIDATES_LEAST 100
#define CANDIDATES_FURTHER 5000 /* all of the nodes that Kubernetes supports */
#define PRIORITY_OFFSET (INT64_C(1) << 31) /* so that sums of negative priorities order, too */

void harm_add(Harm *h, int64_t priority, bool violates, usec_t start) {
        if (h->n_victims == 0 || priority > h->highest) {
                h->highest = priority;
                h->latest_start = USEC_INFINITY;
        }
        if (priority == h->highest)
                h->latest_start = MIN(h->latest_start, start);
        h->n_violations += violates;
        h->sum += priority + PRIORITY_OFFSET;
        h->n_victims++;
}

bool harm_is_less(const Harm *a, const Harm *b) {
        if (a->n_violations != b->n_violations)
                return a->n_violations < b->n_violations;
        if (a->highest != b->highest)
                return a->highest < b->highest;
        if (a->sum != b->sum)
                return a->sum < b->sum;
        if (a->n_victims != b->n_victims)
                return a->n_victims < b->n_victims;
        return a->latest_start > b->latest_start;
}

bool preemption_looks_further(size_t n_nodes, size_t n_candidates, const Harm *least) {
        if (n_candidates < MAX(n_nodes * CANDIDATES_PERCENT / 100, (size_t) CANDIDATES_LEAST))
                return true;
        return least->n_violations > 0 && n_candidates < CANDIDATES_FURTHER;
}

/* Does it lack what the node would not have without any pod, either? */
static bool is_too_small(const PodClass *c, const SchedNode *n) {
        if (c->requests.cpu > n->allocatable.cpu || c->requests.memory > n->allocatable.memory || c->requests.ephemeral > n->allocatable.ephemeral)
                return true;
        for (size_t i = 0; i < c->n_extended; i++)
                if (c->extended[i].amount > sched_node_extended(n, c->extended[i].name))
                        return true;
        return false;
}

bool preemption_is_hopeless(const ClassOrder *o, size_t slot) {
        Verdict v = class_order_verdict(o, slot);

        return o->nodes[slot].fixed.kind != FILTER_FITS || v.kind == FILTER_SPREAD_LABEL || v.kind == FILTER_POD_AFFINITY ||
               (v.kind == FILTER_RESOURCES && is_too_small(o->class, o->scheduler->nodes[slot]));
}
