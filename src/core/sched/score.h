/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How good is a node for a pod of that class? kube-scheduler's scores of the same names, 0 to 100 where nothing else is said; whole
 * numbers are cut as there. */

#include "core/sched/sched-node.h"

#define SCORE_MAX 100

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
