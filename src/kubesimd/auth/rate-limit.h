/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* So many requests a second for each client, in bursts of as many: a token bucket per client in a bounded table. */

#include "basic/macro.h"

typedef struct RateLimit RateLimit;

/* secret: of the hash. */
int rate_limit_new(const uint64_t secret[2], RateLimit **ret);
RateLimit *rate_limit_free(RateLimit *l);
DEFINE_CLEANUP(RateLimit*, rate_limit_free)
/* May this client have one more at `now`? per_second 0: always. Clients that share a place in the table (it has
 * 4096) take it from each other: the newer begins anew, so that nobody is ever refused for somebody else. */
bool rate_limit_take(RateLimit *l, const char *client, unsigned per_second, usec_t now);
