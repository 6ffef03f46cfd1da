/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where there is room: nodes by order of registration or by free capacity, in O(log n), kept by change. Only the order that
 * the algorithm in use asks for is kept; to change it costs O(n log n) once.
 *
 * Free capacity: a bucket for each amount, or for so many millicores next to each other when a node has more than there are buckets;
 * a set of those that are not empty; and in each a treap, by amount and order. Most buckets have few nodes, where the treap costs nothing. */

#include "basic/bittree.h"
#include "basic/maxtree.h"
#include "basic/treap.h"

#define NODE_INDEX_CLOSED MAXTREE_EMPTY /* takes no pod */

typedef enum NodeOrder {
        NODE_ORDER_REGISTERED,
        NODE_ORDER_FREE,
} NodeOrder;

typedef struct NodeIndexEntry {
        TreapNode by_free; /* in its bucket while open, with NODE_ORDER_FREE */
        size_t slot;       /* in NodeIndex.slots */
        int64_t free;      /* millicores, or NODE_INDEX_CLOSED */
        uint64_t order;    /* of registration; set by the owner before node_index_add() */
} NodeIndexEntry;

typedef struct NodeIndex {
        NodeOrder kept;
        MaxTree free_by_slot; /* with NODE_ORDER_REGISTERED */
        NodeIndexEntry **slots; /* ascending by order; NULL = a hole; borrowed entries */
        size_t n_slots, allocated, n_entries;
        TreapNode **buckets; /* BITTREE_SIZE roots; owned; NULL: no node has come yet */
        BitTree used;        /* buckets that are not empty */
        unsigned shift;      /* a bucket has 1 << shift amounts */
        Treap treap;         /* what buckets have in common; its root is set for each call */
        uint64_t last_order; /* of the node that node_index_next() gave last */
        size_t last_slot;    /* where it was then */
} NodeIndex;

void node_index_init(NodeIndex *x);
void node_index_done(NodeIndex *x);
/* Keeps that order from now on. */
void node_index_keep(NodeIndex *x, NodeOrder order);
/* Enters a node, closed. 0 or -ENOMEM. */
int node_index_add(NodeIndex *x, NodeIndexEntry *e);
void node_index_remove(NodeIndex *x, NodeIndexEntry *e);
/* Sets what it has free, or NODE_INDEX_CLOSED. */
void node_index_set(NodeIndex *x, NodeIndexEntry *e, int64_t free);
/* The most that any open node has free; NODE_INDEX_CLOSED when none is open. */
int64_t node_index_max_free(const NodeIndex *x);

/* With NODE_ORDER_REGISTERED: */
/* The first open node in order of registration with so much free; NULL when there is none. */
NodeIndexEntry *node_index_first(const NodeIndex *x, int64_t free);
/* The same in turn: the first one after that which the last call gave, from the beginning again after the end. */
NodeIndexEntry *node_index_next(NodeIndex *x, int64_t free);
/* With NODE_ORDER_FREE: */
/* The open node with the least free that is at least `free`; the first registered of equals. */
NodeIndexEntry *node_index_tightest(const NodeIndex *x, int64_t free);
