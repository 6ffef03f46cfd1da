/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Preemption as far as it is about nodes and numbers, whoever's pods are sent away: those of the cluster (core/control/preemption.c) or of a
 * copy of it (core/control/what-if-preempt.c). kube-scheduler, framework/preemption and defaultpreemption. */

#include "basic/time-util.h"
#include "core/sched/class-order.h"

/* What sending some pods of one node away costs. */
typedef struct Harm {
        size_t n_violations, n_victims;
        int64_t highest, sum; /* priorities of victims */
        usec_t latest_start;  /* the earliest start of those with the highest priority */
} Harm;

/* One more of them goes. violates: a disruption budget does not let it. */
void harm_add(Harm *h, int64_t priority, bool violates, usec_t start);
/* Fewest violations of budgets, then the lowest of the highest priorities, the lowest sum, the fewest victims, the latest start. */
bool harm_is_less(const Harm *a, const Harm *b);

/* Is one more node to be looked at, after so many where it would help? least: of the best of these. */
bool preemption_looks_further(size_t n_nodes, size_t n_candidates, const Harm *least);
/* What stands against the node is nothing that its pods could change by going (UnschedulableAndUnresolvable). After class_order_judge(). */
bool preemption_is_hopeless(const ClassOrder *o, size_t slot);
