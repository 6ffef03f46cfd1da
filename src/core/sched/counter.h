/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For class-order.c: how many pods that matter to a class are in each domain of a topology (all nodes with the same value of a label),
 * kept by change. A topology in which every node is its own domain (hostname) is local: its counts are the nodes' own. */

#include "basic/hashtable.h"
#include "core/model/node-class.h"
#include "core/sched/sched-node.h"

typedef enum CounterUse {
        COUNTER_SPREAD,        /* pods that a spread constraint selects */
        COUNTER_AFFINITY,      /* pods that meet all required affinity terms */
        COUNTER_ANTI_AFFINITY, /* pods that a required anti-affinity term selects */
        COUNTER_OTHERS,        /* pods with a required anti-affinity term that selects this class */
        COUNTER_PREFERENCE,    /* weights: of the class's preferred terms, and of others' towards it */
} CounterUse;

/* required affinity of others counts so much as a preference (kube-scheduler, hardPodAffinityWeight) */
#define HARD_AFFINITY_WEIGHT 1

typedef struct Domain {
        char *value;      /* of the label; owned */
        int64_t count;
        uint32_t number;  /* in Counter.domains */
        uint32_t n_nodes; /* that count */
        uint64_t mark;    /* of the round that saw it last */
} Domain;

typedef struct Counter {
        CounterUse use;
        char *topology_key; /* owned: the class that named it may go before the counter */
        const SpreadConstraint *constraint; /* of COUNTER_SPREAD */
        const PodTerm *term;      /* of COUNTER_AFFINITY and _ANTI_AFFINITY */
        bool local;
        bool self;                /* it selects pods of its own class */

        HashTable by_value;       /* of shared ones: Domain, owned by domains */
        Domain **domains;
        size_t n_domains, allocated;
        int64_t total;            /* of all counts */
        uint32_t *with_count;     /* of local spread: how many nodes that count have so many pods */
        size_t n_with_count;
} Counter;

/* Where a node stands with one counter. */
typedef struct Place {
        int32_t domain;  /* in domains; of local ones 0; -1: the node has no such label */
        bool counts;     /* its pods count (nodeAffinityPolicy, nodeTaintsPolicy, all topologies there) */
        int64_t count;   /* what its pods contribute */
} Place;

/* -ENOMEM. */
int counter_init(Counter *k, const char *topology_key, const uint64_t secret[2]);
void counter_done(Counter *k);
/* The number of the domain of that value, made when it is new. -ENOMEM. */
int counter_domain(Counter *k, const char *value);
/* A node has come to its place, or leaves it. -ENOMEM (only when it comes). */
int counter_enter(Counter *k, Place *p);
void counter_leave(Counter *k, Place *p);
/* Its pods contribute so much now. -ENOMEM, and nothing has changed. */
int counter_set(Counter *k, Place *p, int64_t count);
/* Makes room for counter_pretend() to count so many at that mark. -ENOMEM. */
int counter_reserve(Counter *k, int64_t mark, int64_t n);
/* As if the node with that mark contributed n more (less, when negative, which takes it back): what its mark is then. */
int64_t counter_pretend(Counter *k, int64_t mark, int64_t n);
/* What one pod of class `other` contributes to the counter of `own`. */
int64_t counter_weight(const Counter *k, const PodClass *own, const PodClass *other, const NamespaceLabels *namespaces);
/* Does it decide about nodes, or only say how good they are? */
static inline bool counter_filters(const Counter *k) {
        return k->use == COUNTER_SPREAD ? k->constraint->hard : k->use != COUNTER_PREFERENCE;
}
/* The count at a mark (see Group.marks), which is not MARK_NONE. */
static inline int64_t counter_at(const Counter *k, int64_t mark) {
        return k->local ? mark : k->domains[mark]->count;
}
/* The least count over the domains with nodes that count, and how many such domains there are. */
int64_t counter_least(const Counter *k, size_t *ret_domains);
