/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/prng.h"

#include "basic/macro.h"

void prng_init(Prng *p, uint64_t seed) {
        assert(p);
        p->state = seed * UINT64_C(0x9e3779b97f4a7c15) + UINT64_C(0xbf58476d1ce4e5b9);
        if (p->state == 0)
                p->state = 1;
        for (unsigned i = 0; i < 4; i++)
                (void) prng_next(p);
}

uint64_t prng_next(Prng *p) {
        uint64_t x = p->state;

        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        p->state = x;
        return x * UINT64_C(0x2545f4914f6cdd1d);
}

uint64_t prng_below(Prng *p, uint64_t n) {
        assert(n > 0);
        return (uint64_t) (((unsigned __int128) prng_next(p) * n) >> 64);
}
