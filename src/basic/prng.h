/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A seeded generator, for what must be repeatable: the same seed gives the same numbers on every machine.
 * xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016). No secrets. */

#include "basic/forward.h"

struct Prng {
        uint64_t state;
};

void prng_init(Prng *p, uint64_t seed);
uint64_t prng_next(Prng *p);
/* Uniform in [0, n); n > 0. */
uint64_t prng_below(Prng *p, uint64_t n);
