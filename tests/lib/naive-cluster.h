/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For test-class-order.c: a small cluster and what Kubernetes' documentation says of it, asked by scanning everything each time. Written
 * from the rules, without a look at what it is a reference of: "Assigning Pods to Nodes", "Taints and Tolerations", "Pod Topology Spread
 * Constraints", "Resource Management for Pods and Containers", "Scheduler Configuration"; the formulas are kube-scheduler's. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAIVE_NODES 40
#define NAIVE_CLASSES 12
#define NAIVE_KEYS 4 /* labels of nodes: zone, disk, rank, hostname */

typedef enum RuleOperator { IN, NOT_IN, EXISTS, ABSENT, GREATER, LESS } RuleOperator;

typedef struct Rule {
        const char *key; /* NULL: the name of the node */
        RuleOperator operator;
        const char *values[2];
        unsigned n;
} Rule;

/* All hold. */
typedef struct Rules {
        Rule items[3];
        unsigned n;
} Rules;

typedef struct PodsRule {
        bool there; /* the selector: without it nothing is selected */
        Rules selector;
        const char *topology, *namespace; /* namespace NULL: that of the pod */
        bool by_namespace_label, any_namespace; /* a namespaceSelector: env=prod, or {} */
        bool same_tier, other_tier;       /* matchLabelKeys, mismatchLabelKeys: [tier] */
        int weight;                       /* negative: away from */
} PodsRule;

typedef struct SpreadRule {
        Rules selector;
        const char *topology;
        int skew, min_domains;
        bool hard, ignore_affinity, honor_taints, same_tier;
} SpreadRule;

typedef struct TolerationRule {
        const char *key, *value, *effect; /* NULL: any */
        bool exists;
} TolerationRule;

typedef struct PodRules {
        const char *namespace, *app, *tier; /* tier may be NULL */
        const char *index; /* a label that no selector reads, or NULL */
        int priority;
        int64_t cpu, memory, gpus, ephemeral; /* memory in MiB, ephemeral in GiB */
        const char *disk; /* nodeSelector, or NULL */
        Rules terms[2];   /* required; one of them */
        unsigned n_terms;
        struct { Rules rules; int weight; } preferred[2];
        unsigned n_preferred;
        TolerationRule tolerations[2];
        unsigned n_tolerations;
        int port; /* 0: none */
        const char *ip, *protocol;
        SpreadRule spread[2];
        unsigned n_spread;
        Rules selected;        /* what Services say of them; none: no Service selects them */
        bool spread_by_default;
        PodsRule near[2], away[2], preferred_pods[2];
        unsigned n_near, n_away, n_preferred_pods;
        const char *image;
} PodRules;

typedef struct NaiveTaint {
        const char *key, *value, *effect;
} NaiveTaint;

typedef struct NaiveNode {
        bool there;
        char name[8];
        uint64_t order;
        const char *labels[NAIVE_KEYS];
        NaiveTaint taints[2];
        unsigned n_taints;
        bool cordoned, dead;
        int64_t cpu, memory, gpus, ephemeral, pods_max;
        int64_t image_size; /* of "img:latest"; 0: it has none */
        unsigned pods[NAIVE_CLASSES], ending[NAIVE_CLASSES], nominated[NAIVE_CLASSES];
} NaiveNode;

typedef struct NaiveCluster {
        NaiveNode nodes[NAIVE_NODES];
        PodRules classes[NAIVE_CLASSES];
        bool prod[3]; /* namespaces with the label env=prod: default, team, other */
        uint64_t last_order;
} NaiveCluster;

extern const char *const naive_keys[NAIVE_KEYS], *const naive_namespaces[3];

typedef enum Reason {
        FITS, NOT_NAMED, UNSCHEDULABLE, TAINTED, NO_AFFINITY, NO_PORT, NO_RESOURCES, NO_SPREAD, NO_SPREAD_LABEL, NO_NEAR, TOO_NEAR, OTHERS_AWAY
} Reason;

/* Which of them lack, of NO_RESOURCES. */
#define NO_PODS 1u
#define NO_CPU 2u
#define NO_MEMORY 4u
#define NO_EPHEMERAL 8u
#define NO_GPUS 16u

Reason naive_verdict(const NaiveCluster *c, unsigned class, const NaiveNode *n, unsigned *ret_lacks, const char **ret_taint);
/* Points of the node under kube-scheduler's profile; `fit` says which nodes fit. fill: 0 LeastAllocated, 1 MostAllocated, 2
 * RequestedToCapacityRatio. */
void naive_totals(const NaiveCluster *c, unsigned class, const bool fit[], int fill, int64_t ret[]);
int64_t naive_balanced(const PodRules *p, const NaiveCluster *c, const NaiveNode *n);
int64_t naive_used_cpu(const NaiveCluster *c, const NaiveNode *n);
