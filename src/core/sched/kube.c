/* SPDX-License-Identifier: Apache-2.0 */
/* kube-scheduler's default profile (pkg/scheduler/apis/config/v1/default_plugins.go, v1.34) and its two variations of NodeResourcesFit. All
 * nodes are scored, where kube-scheduler looks at a sample of large clusters. */
#include "core/sched/scheduler.h"
#include "core/sched/score.h"

typedef void (*parts_t)(const Scheduler *s, const PodClass *c, const SchedNode *n, int64_t ret[static _SCORE_OF_NODE]);

static void beside_fit(const Scheduler *s, const PodClass *c, const SchedNode *n, int64_t ret[static _SCORE_OF_NODE]) {
        ret[SCORE_BALANCED] = score_balanced(c, n);
        ret[SCORE_IMAGES] = score_image_locality(c, n, s->n_nodes, scheduler_nodes_with_image, (void*) s);
}

static int64_t sum(const Scheduler *s, const PodClass *c, const SchedNode *n, parts_t get) {
        int64_t parts[_SCORE_OF_NODE], total = 0;

        get(s, c, n, parts);
        for (ScorePlugin p = 0; p < _SCORE_OF_NODE; p++)
                total += parts[p] * score_plugin_weight(p);
        return total;
}

static void least_parts(const Scheduler *s, const PodClass *c, const SchedNode *n, int64_t ret[static _SCORE_OF_NODE]) {
        ret[SCORE_FIT] = score_least_allocated(c, n);
        beside_fit(s, c, n, ret);
}

static int64_t least_key(const Scheduler *s, const PodClass *c, const SchedNode *n) {
        return sum(s, c, n, least_parts);
}

static void most_parts(const Scheduler *s, const PodClass *c, const SchedNode *n, int64_t ret[static _SCORE_OF_NODE]) {
        ret[SCORE_FIT] = score_most_allocated(c, n);
        beside_fit(s, c, n, ret);
}

static int64_t most_key(const Scheduler *s, const PodClass *c, const SchedNode *n) {
        return sum(s, c, n, most_parts);
}

static void ratio_parts(const Scheduler *s, const PodClass *c, const SchedNode *n, int64_t ret[static _SCORE_OF_NODE]) {
        ret[SCORE_FIT] = score_capacity_ratio(c, n);
        beside_fit(s, c, n, ret);
}

static int64_t ratio_key(const Scheduler *s, const PodClass *c, const SchedNode *n) {
        return sum(s, c, n, ratio_parts);
}

const SchedAlgorithm sched_kube = {
        .name = "kube",
        .description = "kube-scheduler's default profile: least allocated, balanced, taints, affinity, spread, images",
        .pick = PICK_BEST,
        .key = least_key,
        .key_parts = least_parts,
        .profile = true,
};

const SchedAlgorithm sched_most_allocated = {
        .name = "most-allocated",
        .description = "the same profile, but full nodes are filled first (NodeResourcesFit, MostAllocated)",
        .pick = PICK_BEST,
        .key = most_key,
        .key_parts = most_parts,
        .profile = true,
};

const SchedAlgorithm sched_requested_to_capacity_ratio = {
        .name = "requested-to-capacity-ratio",
        .description = "the same profile with NodeResourcesFit's RequestedToCapacityRatio, a line from empty to full",
        .pick = PICK_BEST,
        .key = ratio_key,
        .key_parts = ratio_parts,
        .profile = true,
};
