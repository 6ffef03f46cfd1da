/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A set of numbers below BITTREE_SIZE that finds the next one that is in it: bits, a bit above for each word of them that is not zero, and so
 * on. Each operation touches three words. Nothing is allocated; zeroes are the empty set. */

#include "basic/forward.h"

#define BITTREE_SIZE 65536u

typedef struct BitTree {
        uint64_t words[BITTREE_SIZE / 64];
        uint64_t of_words[BITTREE_SIZE / 64 / 64];
        uint64_t top;
} BitTree;

static inline void bittree_add(BitTree *t, uint32_t n) {
        t->words[n / 64] |= UINT64_C(1) << (n & 63);
        t->of_words[n / 4096] |= UINT64_C(1) << (n / 64 & 63);
        t->top |= UINT64_C(1) << (n / 4096);
}

static inline void bittree_remove(BitTree *t, uint32_t n) {
        t->words[n / 64] &= ~(UINT64_C(1) << (n & 63));
        if (t->words[n / 64] == 0)
                t->of_words[n / 4096] &= ~(UINT64_C(1) << (n / 64 & 63));
        if (t->of_words[n / 4096] == 0)
                t->top &= ~(UINT64_C(1) << (n / 4096));
}

/* The smallest number in it that is greater than n; UINT32_MAX: none. */
static inline uint32_t bittree_after(const BitTree *t, uint32_t n) {
        uint64_t left = t->words[n / 64] & ~UINT64_C(1) << (n & 63);
        uint32_t i;

        if (left)
                return n / 64 * 64 + (uint32_t) __builtin_ctzll(left);
        left = t->of_words[n / 4096] & ~UINT64_C(1) << (n / 64 & 63);
        if (!left) {
                left = t->top & ~UINT64_C(1) << (n / 4096);
                if (!left)
                        return UINT32_MAX;
                i = (uint32_t) __builtin_ctzll(left);
                left = t->of_words[i];
        } else
                i = n / 4096;
        i = i * 64 + (uint32_t) __builtin_ctzll(left);
        return i * 64 + (uint32_t) __builtin_ctzll(t->words[i]);
}

/* The greatest; UINT32_MAX: it is empty. */
static inline uint32_t bittree_last(const BitTree *t) {
        uint32_t i;

        if (!t->top)
                return UINT32_MAX;
        i = 63 - (uint32_t) __builtin_clzll(t->top);
        i = i * 64 + 63 - (uint32_t) __builtin_clzll(t->of_words[i]);
        return i * 64 + 63 - (uint32_t) __builtin_clzll(t->words[i]);
}
