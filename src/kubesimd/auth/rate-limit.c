/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/auth/rate-limit.h"

#include <string.h>

#include "basic/alloc-util.h"
#include "basic/hashtable.h"
#include "basic/time-util.h"

#define BUCKETS 4096

typedef struct Bucket {
        uint64_t client;  /* hash of its name; 0 = unused */
        usec_t last;
        double level;     /* requests that may still be made */
} Bucket;

struct RateLimit {
        uint64_t secret[2];
        Bucket buckets[BUCKETS];
};

int rate_limit_new(const uint64_t secret[2], RateLimit **ret) {
        RateLimit *l;

        l = new0(RateLimit, 1);
        if (!l)
                return -ENOMEM;
        memcpy(l->secret, secret, sizeof(l->secret));
        *ret = l;
        return 0;
}

RateLimit *rate_limit_free(RateLimit *l) {
        return mfree(l);
}

bool rate_limit_take(RateLimit *l, const char *client, unsigned per_second, usec_t now) {
        uint64_t hash;
        Bucket *b;

        if (per_second == 0)
                return true;
        hash = siphash13(client, strlen(client), l->secret) | 1;
        b = &l->buckets[hash / 2 % BUCKETS];
        if (b->client != hash)
                *b = (Bucket) { .client = hash, .last = now, .level = per_second };

        b->level = MIN((double) per_second, b->level + (double) (now - b->last) / USEC_PER_SEC * per_second);
        b->last = now;
        if (b->level < 1)
                return false;
        b->level -= 1;
        return true;
}
