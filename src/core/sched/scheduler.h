/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which node is best for a pod? All nodes as the scheduler sees them, and for each class of pods that was asked about lately the nodes
 * that fit, in order (class-order.h). What changes of a node is told here once; each class takes it over when it is asked about next,
 * so that classes that nobody asks about cost nothing. */

#include "basic/hashtable.h"
#include "basic/prng.h"
#include "core/sched/algorithms.h"
#include "core/sched/class-order.h"
#include "core/sched/workload.h"

/* Places in all orders together; the order that was not asked for the longest goes first. One takes about 100 bytes. An order counts as
 * a thousand more than it has, so that there are never more than 1,500 of them. */
#define SCHEDULER_PLACES_MAX (1500 * 1000)

/* What happened to a node that could help a pod that found none. */
typedef enum SchedEvent {
        SCHED_EVENT_NODE,     /* it is new, or its object has changed */
        SCHED_EVENT_POD_GONE, /* it has fewer pods */
        SCHED_EVENT_POD_CAME, /* it has more: affinity may now be met */
        _SCHED_EVENT_MAX,
} SchedEvent;

struct Scheduler {
        PodClassPool classes;
        const PodClassPool *others;  /* a further pool that classes of pods on nodes are of; borrowed, NULL: none */
        NamespaceLabels namespaces;
        uint64_t namespaces_version; /* grows when labels of a namespace change */
        PodSelectors selectors;
        uint64_t selectors_version;  /* grows when what selects pods changes */
        Prng prng;
        const uint64_t *secret;      /* borrowed */

        SchedNode **nodes;           /* by slot; NULL = nobody's, at most half of them; borrowed */
        size_t n_slots, allocated, n_nodes;
        size_t next_free;            /* where a free slot is looked for */
        size_t odd_hostnames;        /* nodes whose kubernetes.io/hostname is not their name */

        uint32_t *changes;           /* ring of the slots that have changed last */
        size_t changes_allocated;    /* a power of two */
        uint64_t n_changes;          /* since the beginning */
        uint64_t last_version;       /* SchedNode.version that was given out */
        uint64_t last_event[_SCHED_EVENT_MAX]; /* n_changes of the newest of each kind */

        HashTable images;            /* name -> ImageCount */
        ListLink image_list;         /* the same, owned */
        uint64_t images_version;     /* grows with every change of the above, or of how many nodes there are beside */

        ListLink orders;             /* ClassOrder.link, the one that was asked for last comes first */
        size_t n_places, places_max; /* in all of them, and at most; SCHEDULER_PLACES_MAX but in tests */
        Workload workload, usual;    /* what was placed; the same when it had last doubled, which algorithms go by */
        uint64_t workload_version;   /* grows when `usual` changes */
        uint64_t last_order;         /* round-robin: of the node that was chosen last */
};

void scheduler_init(Scheduler *s, uint64_t seed, const uint64_t secret[2]);
void scheduler_done(Scheduler *s);

/* Enters a node, whose order is set. -ENOMEM. */
int scheduler_add_node(Scheduler *s, SchedNode *n);
/* Others may have other slots after that. */
void scheduler_remove_node(Scheduler *s, SchedNode *n);
/* Its object or its pods have changed, by what it says already; never fails. */
void scheduler_note(Scheduler *s, SchedNode *n, SchedEvent event);
/* Its class is about to be `class` (before sched_node_update()), or, NULL, nobody's any more. -ENOMEM. */
int scheduler_count_images(Scheduler *s, const NodeClass *before, const NodeClass *after);

/* A pod of that class was placed. */
void scheduler_placed(Scheduler *s, const PodClass *c);

/* The nodes in order for a class and an algorithm, up to date. Borrowed until the next call. -ENOMEM. */
int scheduler_order(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, ClassOrder **ret);
/* Works towards that, looking at no more than `most` nodes: 1 until scheduler_order() has nothing to look at. -ENOMEM. */
int scheduler_prepare(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, size_t most);
/* Would it take looking at no more than `most` of them, or are there no more? Not counted: `own` changes, the caller's. */
bool scheduler_is_ready(const Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, size_t most, uint64_t own);
/* The node that the algorithm chooses: 1 and *ret, 0 when none fits, -ENOMEM. */
int scheduler_choose(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, SchedNode **ret);
/* Forgets every order, so that what they were made from may change altogether. */
void scheduler_forget_orders(Scheduler *s);
/* Forgets the one that was not asked for the longest: false when there is none. */
bool scheduler_forget_order(Scheduler *s);
/* Grows whenever a class with terms comes or goes in any of its pools. */
uint64_t scheduler_terms_version(const Scheduler *s);
size_t scheduler_nodes_with_image(const char *image, void *scheduler);
