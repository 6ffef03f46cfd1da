/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/heartbeat.h"

#include "basic/macro.h"

void heart_init(Heart *h, uint64_t seed, usec_t now) {
        *h = (Heart) { .interval = HEART_INTERVAL_DEFAULT, .next = now };
        prng_init(&h->prng, seed);
}

usec_t heart_deadline(const Heart *h) {
        return h->in_flight ? USEC_INFINITY : h->next;
}

void heart_sent(Heart *h, usec_t now) {
        assert(!h->in_flight);
        h->in_flight = true;
        h->pending = false;
        h->last_sent = now;
}

/* The soonest that the next beat may be sent. */
static usec_t soonest(const Heart *h, usec_t now) {
        return MAX(now, usec_add(h->last_sent, USEC_PER_SEC / HEART_RATE_MAX));
}

void heart_answered(Heart *h, usec_t now, usec_t interval, bool changed) {
        h->in_flight = false;
        h->failures = 0;
        if (interval > 0)
                h->interval = MAX(interval, HEART_INTERVAL_MIN);
        if (changed || h->pending)
                h->next = soonest(h, now);
        else
                h->next = MAX(now, h->last_sent + h->interval * (90 + prng_below(&h->prng, 21)) / 100);
        h->pending = false;
}

void heart_failed(Heart *h, usec_t now, usec_t at_least) {
        usec_t most = HEART_BACKOFF_MIN;

        h->in_flight = false;
        for (unsigned i = 0; i < h->failures && most < HEART_BACKOFF_MAX; i++)
                most *= 2;
        most = MIN(most, HEART_BACKOFF_MAX);
        h->failures++;
        h->next = now + MAX(at_least, prng_below(&h->prng, most) + 1);
}

bool heart_changed(Heart *h, usec_t now) {
        if (h->in_flight) {
                h->pending = true;
                return true;
        }
        if (h->failures == 0)
                h->next = MIN(h->next, soonest(h, now));
        return false;
}

unsigned heart_wait(const Heart *h) {
        return (unsigned) (h->interval / USEC_PER_SEC);
}
