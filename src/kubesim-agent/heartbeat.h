/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* When to send a heartbeat: a state machine without clock, sockets or text. The caller sends when heart_deadline() has
 * come, tells how it went, and asks again.
 *
 * 1. One beat at most is under way.
 * 2. While all is well a beat follows the one before after the interval, give or take a tenth; at once when the node's
 *    pods or health have changed, but never more than HEART_RATE_MAX a second.
 * 3. While the server is away the waits double from HEART_BACKOFF_MIN to HEART_BACKOFF_MAX, each drawn between 0 and that
 *    ("full jitter", Brooker, "Exponential Backoff And Jitter", 2015), for ever. */

#include "basic/prng.h"
#include "basic/time-util.h"

#define HEART_INTERVAL_DEFAULT (5 * USEC_PER_SEC)
#define HEART_INTERVAL_MIN (20 * USEC_PER_MSEC)
#define HEART_RATE_MAX 20
#define HEART_BACKOFF_MIN (250 * USEC_PER_MSEC)
#define HEART_BACKOFF_MAX (30 * USEC_PER_SEC)

typedef struct Heart {
        usec_t interval;
        usec_t last_sent; /* 0: none yet */
        usec_t next;      /* when to send; USEC_INFINITY while one is under way */
        bool in_flight;
        bool pending;     /* something changed since the beat under way was sent */
        unsigned failures; /* in a row */
        Prng prng;
} Heart;

/* The first beat is due at `now`. */
void heart_init(Heart *h, uint64_t seed, usec_t now);
/* When to send the next beat; USEC_INFINITY while one is under way. */
usec_t heart_deadline(const Heart *h);
void heart_sent(Heart *h, usec_t now);
/* The beat was answered. interval: what the server asks for (0: as before). changed: other pods are to run now. */
void heart_answered(Heart *h, usec_t now, usec_t interval, bool changed);
/* It was not answered, or refused; at_least: do not come back sooner than that (0: as usual). */
void heart_failed(Heart *h, usec_t now, usec_t at_least);
/* The node's pods or health changed: true when the beat under way (which the server may be holding) should be given up
 * so that the news goes at once. */
bool heart_changed(Heart *h, usec_t now);
/* Seconds for which the server may hold the answer; 0 = not at all. */
unsigned heart_wait(const Heart *h);
