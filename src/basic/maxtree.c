/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/maxtree.h"

#include "basic/alloc-util.h"

void maxtree_done(MaxTree *t) {
        assert(t);
        free(t->max);
        *t = (MaxTree) {};
}

int maxtree_reserve(MaxTree *t, size_t n) {
        size_t leaves = MAX(t->n_leaves, (size_t) 16);
        int64_t *max;

        assert(t);

        if (n <= t->n_leaves)
                return 0;
        while (leaves < n)
                leaves *= 2;

        max = malloc(2 * leaves * sizeof(int64_t));
        if (!max)
                return -ENOMEM;
        for (size_t i = 0; i < leaves; i++)
                max[leaves + i] = i < t->n_leaves ? t->max[t->n_leaves + i] : MAXTREE_EMPTY;
        max[0] = MAXTREE_EMPTY;
        for (size_t i = leaves - 1; i > 0; i--)
                max[i] = MAX(max[2 * i], max[2 * i + 1]);

        free(t->max);
        t->max = max;
        t->n_leaves = leaves;
        return 0;
}

void maxtree_set(MaxTree *t, size_t i, int64_t value) {
        assert(t);
        assert(i < t->n_leaves);

        i += t->n_leaves;
        t->max[i] = value;
        for (i /= 2; i > 0; i /= 2) {
                int64_t m = MAX(t->max[2 * i], t->max[2 * i + 1]);

                if (t->max[i] == m)
                        break; /* nothing above can change */
                t->max[i] = m;
        }
}

int64_t maxtree_get(const MaxTree *t, size_t i) {
        assert(t);
        assert(i < t->n_leaves);
        return t->max[t->n_leaves + i];
}

size_t maxtree_find(const MaxTree *t, size_t from, int64_t least) {
        size_t i;

        assert(t);
        assert(least > MAXTREE_EMPTY);

        if (from >= t->n_leaves)
                return SIZE_MAX;

        /* Up, to the right: the first subtree from here on that holds enough. */
        i = t->n_leaves + from;
        while (t->max[i] < least) {
                while (i & 1) /* a right child: what is to the right of its parent comes next */
                        i /= 2;
                if (i == 0)
                        return SIZE_MAX;
                i++;
        }
        /* Down, left first. */
        while (i < t->n_leaves)
                i = t->max[2 * i] >= least ? 2 * i : 2 * i + 1;
        return i - t->n_leaves;
}
