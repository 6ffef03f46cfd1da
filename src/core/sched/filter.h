/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* May a pod of that class go to that node, as far as the node alone decides? kube-scheduler's filters of the same names, in its
 * order. Those that look at other nodes too (spread, affinity between pods) are in class-order.c. */

#include "core/sched/sched-node.h"

/* The first filter that refuses, in the order in which kube-scheduler asks. */
typedef enum FilterKind {
        FILTER_FITS,
        FILTER_NOT_NAMED,     /* NodeAffinity, before all others: the pod names its nodes, and this is none of them */
        FILTER_UNSCHEDULABLE, /* NodeUnschedulable */
        FILTER_TAINT,         /* TaintToleration; detail: of which taint */
        FILTER_NOT_READY,     /* nobody hears of it, and the pod tolerates that: kube-scheduler would have it wait there */
        FILTER_NODE_AFFINITY, /* NodeAffinity */
        FILTER_PORTS,         /* NodePorts */
        FILTER_RESOURCES,     /* NodeResourcesFit; detail: a bit of each that lacks, RESOURCE_* then the extended of the class */
        FILTER_SPREAD,        /* PodTopologySpread */
        FILTER_SPREAD_LABEL,  /* the same, the node has no such topology */
        FILTER_POD_AFFINITY,  /* InterPodAffinity */
        FILTER_POD_ANTI_AFFINITY,
        FILTER_OTHERS_ANTI_AFFINITY,
        FILTER_UNHELPED,      /* DefaultPreemption: it would not be let in, whoever went from there */
        FILTER_NO_VICTIMS,    /* the same: there is nobody who could go */
        _FILTER_MAX,
} FilterKind;

#define LACKS_PODS (1u << 0)
#define LACKS_CPU (1u << 1)
#define LACKS_MEMORY (1u << 2)
#define LACKS_EPHEMERAL (1u << 3)
#define LACKS_EXTENDED(i) (1u << (4 + MIN((size_t) (i), (size_t) 19)))

typedef struct Verdict {
        FilterKind kind;
        uint32_t detail;     /* of FILTER_RESOURCES */
        const Taint *taint;  /* of FILTER_TAINT; borrowed from the node's class, or a literal */
} Verdict;

/* The name of kube-scheduler's plugin. */
const char *filter_plugin(FilterKind k);

/* What does not change with its pods. */
Verdict filter_static(const PodClass *c, const SchedNode *n);
/* What does: ports and resources. */
Verdict filter_dynamic(const PodClass *c, const SchedNode *n);
/* Are such pods that are nominated to a node (others are being sent away for them) reckoned with as if they were there? Those of a lower
 * priority are not, nor those of the class itself: they are all the same, and may take the room of one another. */
bool filter_expects(const PodClass *c, const PodClass *nominated);
/* Are nodeSelector and required node affinity met? */
bool filter_node_affinity(const PodClass *c, const SchedNode *n);
/* The first taint with NoSchedule or NoExecute that it does not tolerate, or NULL. */
const Taint *filter_untolerated(const PodClass *c, const SchedNode *n);
