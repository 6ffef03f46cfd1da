/* SPDX-License-Identifier: Apache-2.0 */
/* kube-scheduler's default profile (pkg/scheduler/apis/config/v1/default_plugins.go, v1.34) and its two variations of NodeResourcesFit. All
 * nodes are scored, where kube-scheduler looks at a sample of large clusters. */
#include "core/sched/scheduler.h"
#include "core/sched/score.h"

static int64_t beside_fit(const Scheduler *s, const PodClass *c, const SchedNode *n) {
        return score_balanced(c, n) + score_image_locality(c, n, s->n_nodes, scheduler_nodes_with_image, (void*) s);
}

static int64_t least_key(const Scheduler *s, const PodClass *c, const SchedNode *n) {
        return score_least_allocated(c, n) + beside_fit(s, c, n);
}

static int64_t most_key(const Scheduler *s, const PodClass *c, const SchedNode *n) {
        return score_most_allocated(c, n) + beside_fit(s, c, n);
}

static int64_t ratio_key(const Scheduler *s, const PodClass *c, const SchedNode *n) {
        return score_capacity_ratio(c, n) + beside_fit(s, c, n);
}

const SchedAlgorithm sched_kube = {
        .name = "kube",
        .description = "kube-scheduler's default profile: least allocated, balanced, taints, affinity, spread, images",
        .pick = PICK_BEST,
        .key = least_key,
        .profile = true,
};

const SchedAlgorithm sched_most_allocated = {
        .name = "most-allocated",
        .description = "the same profile, but full nodes are filled first (NodeResourcesFit, MostAllocated)",
        .pick = PICK_BEST,
        .key = most_key,
        .profile = true,
};

const SchedAlgorithm sched_requested_to_capacity_ratio = {
        .name = "requested-to-capacity-ratio",
        .description = "the same profile with NodeResourcesFit's RequestedToCapacityRatio, a line from empty to full",
        .pick = PICK_BEST,
        .key = ratio_key,
        .profile = true,
};
