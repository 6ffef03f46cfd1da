/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The nodes as a class of pods sees them under one algorithm: which fit, and which is best; kept by change.
 *
 * What a filter or a score says of a node is of three kinds. (1) It follows from the node alone (resources, ports, taints, node
 * affinity): worked out when the node changes. (2) It follows from how many pods of which labels are in the node's domains (topology
 * spread, affinity between pods): counters know that (counter.h). (3) It compares all nodes that fit (normalised scores): it can only be
 * known when the choice is made. So nodes that are alike in everything but (1) stand together in a group, in order of their key; a
 * choice looks at the first of each group, which costs as many steps as there are groups, not nodes.
 *
 * Invariants (asserted by number):
 *  1. A node is in a group if and only if it fits as far as it alone decides.
 *  2. No two groups have the same marks.
 *  3. The counters are the sums of the places of the nodes that are present. */

#include "core/sched/algorithms.h"
#include "core/sched/class-weights.h"
#include "core/sched/counter.h"
#include "core/sched/default-spread.h"
#include "core/sched/filter.h"
#include "core/sched/score.h"

#define CLASS_COUNTERS_MAX 64
/* The node has no such label. A count may be any number: dislikes are negative. */
#define MARK_NONE INT64_MIN

/* Nodes that differ in their key alone. */
typedef struct Group {
        struct Group *next;  /* with the same hash */
        uint64_t hash;
        Treap members;       /* OrderNode.in_group, the best first; of algorithms that ask for the best */
        uint32_t *slots;     /* all of them, in no order; owned */
        uint32_t n_slots, allocated;
        size_t position;     /* in ClassOrder.groups */
        int64_t taints, affinity; /* raw scores */
        Verdict verdict;     /* of the present round */
        double spread_sum;
        int64_t spread, preference, score;
        bool unspread;       /* it lacks a topology that the class wants to spread over */
        bool expects;        /* pods that matter are nominated to its nodes */
        int64_t marks[];     /* of each counter: the number of the domain, or, of local ones, the count; MARK_NONE. Then, of each,
                              * what pods contribute that are nominated to the node */
} Group;

typedef struct OrderNode {
        TreapNode in_group;
        Group *group;        /* NULL: it does not fit, or is not present */
        uint32_t position;   /* in group->slots */
        bool present;
        uint64_t order, version; /* of the SchedNode when it was looked at */
        int64_t key;
        int64_t taints, affinity;
        Verdict fixed;       /* filter_static() */
        Verdict verdict;     /* of the node alone */
} OrderNode;

/* Between what lies what the nodes that fit have; of the present round. */
typedef struct ScoreBounds {
        int64_t taints_max, affinity_max, spread_min, spread_max, preference_min, preference_max;
        bool spreads; /* there is a preferred spread */
} ScoreBounds;

typedef struct ClassOrder {
        ListLink link;       /* in Scheduler.orders */
        Scheduler *scheduler; /* weak */
        PodClass *class;     /* a reference */
        PodClass *sibling;   /* that it was found to serve last; a reference, NULL: none */
        const SchedAlgorithm *algorithm;
        uint64_t seen;       /* Scheduler.n_changes up to which it knows, or will, once it has looked at all nodes */
        size_t to_look;      /* the slot that it is to look at next; SIZE_MAX: it has looked at all */
        uint64_t terms_version, namespaces_version, images_version, workload_version, selectors_version;
        size_t odd_hostnames;
        uint64_t round;      /* of choices */
        DefaultSpread spread; /* of algorithms with a profile */

        Counter *counters;   /* owned */
        size_t n_counters;
        OrderNode *nodes;    /* by slot; owned */
        Place *places;       /* by slot, n_counters of each; owned */
        size_t n_nodes;
        Group **groups, **buckets; /* owned; buckets: by hash, a power of two */
        size_t n_groups, groups_allocated, n_buckets;
        ClassWeights weights;
        ScoreBounds bounds;
} ClassOrder;

/* An order that knows nothing yet. -ENOMEM. */
int class_order_new(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, ClassOrder **ret);
ClassOrder *class_order_free(ClassOrder *o);
DEFINE_CLEANUP(ClassOrder*, class_order_free)
/* Takes over what has changed since it was asked last: 0; 1 when it has looked at `most` nodes, and goes on when it is called again.
 * -ENOMEM: it is to be freed. */
int class_order_update(ClassOrder *o, size_t most);
/* Is it the order of that class, too? Those are of one shape and alike to all terms and selectors that there are. It must be up to date
 * in what it was made from. */
bool class_order_serves(ClassOrder *o, PodClass *class);
/* Are its pods still to be spread by default as it has it? */
bool class_order_keeps_spread(ClassOrder *o);
/* How much of SCHEDULER_PLACES_MAX it takes. */
size_t class_order_places(const ClassOrder *o);

/* Works out what each group is worth now: how many nodes fit. */
size_t class_order_judge(ClassOrder *o);
/* What other nodes' pods have against a node with those marks (as in Group), both if those that are nominated to it come and if not. */
Verdict class_order_judge_marks(ClassOrder *o, const int64_t *marks, bool expects);
/* After class_order_judge(): the slot of the node to take, or SIZE_MAX. */
size_t class_order_choose(ClassOrder *o);
/* What would stand against the node if it were as `node` says (its pods other than they are). What other nodes have stays as it is. */
Verdict class_order_verdict_with(ClassOrder *o, size_t slot, const SchedNode *node);
/* After class_order_judge(): what stands against the node. */
Verdict class_order_verdict(const ClassOrder *o, size_t slot);
/* After class_order_judge(), of an algorithm with a profile and a node that fits: what each plugin says of it. */
void class_order_parts(const ClassOrder *o, size_t slot, ScorePart ret[static _SCORE_PLUGIN_MAX]);
/* What such a node is worth altogether; of algorithms without a profile, their key. */
int64_t class_order_total(const ClassOrder *o, size_t slot);
/* "0/5 nodes are available: 2 Insufficient cpu, 3 node(s) were unschedulable." in kube-scheduler's words (types.go, FitError), without what
 * preemption says. After class_order_judge(). */
void class_order_put_message(const ClassOrder *o, StrBuf *b);
/* The same of what somebody else says of each node that is there. */
typedef Verdict (*verdict_of_t)(const ClassOrder *o, size_t slot, const void *userdata);
void class_order_put_reasons(const ClassOrder *o, verdict_of_t verdict_of, const void *userdata, StrBuf *b);
/* One reason in the same words. */
void verdict_put(const Verdict *v, const PodClass *c, uint32_t bit, StrBuf *b);
