/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* An array of numbers that answers "the first place from here on with at least this much" in O(log n): a
 * complete binary tree whose inner nodes hold the maximum below them. */

#include "basic/forward.h"

#define MAXTREE_EMPTY INT64_MIN /* never found */

struct MaxTree {
        int64_t *max; /* [1] is the root, [n_leaves + i] is place i */
        size_t n_leaves; /* a power of two, or 0 */
};

void maxtree_done(MaxTree *t);
/* Makes places 0 ... n-1 exist; new ones are MAXTREE_EMPTY. 0 or -ENOMEM. */
int maxtree_reserve(MaxTree *t, size_t n);
/* Sets place i, which must exist. */
void maxtree_set(MaxTree *t, size_t i, int64_t value);
int64_t maxtree_get(const MaxTree *t, size_t i);
/* The greatest of all, MAXTREE_EMPTY when there is none. */
static inline int64_t maxtree_top(const MaxTree *t) {
        return t->n_leaves > 0 ? t->max[1] : MAXTREE_EMPTY;
}
/* The first place at or after `from` whose value is at least `least` (> MAXTREE_EMPTY), or SIZE_MAX. */
size_t maxtree_find(const MaxTree *t, size_t from, int64_t least);
