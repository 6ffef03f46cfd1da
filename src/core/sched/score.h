/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How good is a node for a pod of that class? kube-scheduler's scores of the same names, 0 to 100 where nothing else is said; whole
 * numbers are cut as there. */

#include "core/sched/sched-node.h"

#define SCORE_MAX 100

/* kube-scheduler's plugins that score. */
typedef enum ScorePlugin {
        SCORE_FIT,
        SCORE_BALANCED,
        SCORE_IMAGES,
        SCORE_TAINTS,
        SCORE_AFFINITY,
        SCORE_SPREAD,
        SCORE_PREFERENCE,
        _SCORE_PLUGIN_MAX,
        _SCORE_OF_NODE = SCORE_TAINTS, /* those before follow from the node alone */
} ScorePlugin;

/* What a plugin says: as it counts, from 0 to 100 beside all nodes that fit, and times its weight. */
typedef struct ScorePart {
        int64_t raw, normalised;
} ScorePart;

const char *score_plugin_name(ScorePlugin p);
/* kube-scheduler's default weight. */
int64_t score_plugin_weight(ScorePlugin p);

/* NodeResourcesFit with LeastAllocated, MostAllocated, RequestedToCapacityRatio (0 at 0 %, 100 at 100 %): the mean over CPU and
 * memory, pods that do not ask counted with the defaults. */
int64_t score_least_allocated(const PodClass *c, const SchedNode *n);
int64_t score_most_allocated(const PodClass *c, const SchedNode *n);
int64_t score_capacity_ratio(const PodClass *c, const SchedNode *n);
/* NodeResourcesBalancedAllocation: how alike the shares of CPU and memory are that would be used. */
int64_t score_balanced(const PodClass *c, const SchedNode *n);
/* ImageLocality. nodes_with tells how many of n_nodes have an image of that name. */
int64_t score_image_locality(const PodClass *c, const SchedNode *n, size_t n_nodes, size_t (*nodes_with)(const char *image, void *userdata),
                             void *userdata);

/* --- Before they are normalised over all nodes that fit --- */
/* TaintToleration: how many PreferNoSchedule taints it does not tolerate; the fewer the better. */
int64_t score_taints(const PodClass *c, const SchedNode *n);
/* NodeAffinity: the sum of the weights of the preferred terms that hold. */
int64_t score_node_affinity(const PodClass *c, const SchedNode *n);
