/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/alloc-util.h"

bool greedy_realloc(void **p, size_t *allocated, size_t need, size_t item_size) {
        size_t n, bytes;
        void *q;

        assert(p);
        assert(allocated);

        if (need <= *allocated)
                return true;

        n = MAX(need, *allocated + *allocated / 2 + 8);
        if (__builtin_mul_overflow(n, item_size, &bytes))
                return false;

        q = realloc(*p, bytes);
        if (!q)
                return false;

        *p = q;
        *allocated = n;
        return true;
}
