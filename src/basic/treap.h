/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An intrusive ordered tree: a treap (Seidel, Aragon, "Randomized search trees", 1996). The owner embeds a
 * TreapNode and compares by what surrounds it; no two members may compare equal. Nothing is allocated. */

#include "basic/forward.h"

struct TreapNode {
        TreapNode *left, *right, *parent;
        uint32_t priority;
        uint32_t size; /* members in the tree that it is the root of */
};

typedef int (*treap_compare_t)(const TreapNode *a, const TreapNode *b);

struct Treap {
        TreapNode *root;
        treap_compare_t compare;
        uint64_t seed; /* advanced per insertion, so that shapes repeat from run to run */
};

void treap_init(Treap *t, treap_compare_t compare);
void treap_insert(Treap *t, TreapNode *n);
/* Takes a member out. */
void treap_remove(Treap *t, TreapNode *n);
TreapNode *treap_first(const Treap *t);
TreapNode *treap_last(const Treap *t);
TreapNode *treap_next(const TreapNode *n);
/* The first member that does not come before `key` (compared as a node; it need not be a member), or NULL. */
TreapNode *treap_lower_bound(const Treap *t, const TreapNode *key);
/* How many members come before `key` (which need not be one). O(log n). */
size_t treap_rank(const Treap *t, const TreapNode *key);
