/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Time as microseconds. The only place, with the programs' mains, that may ask a clock. */

#include "basic/forward.h"

#define USEC_INFINITY UINT64_MAX
#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_PER_HOUR (60 * USEC_PER_MINUTE)
#define USEC_PER_DAY (24 * USEC_PER_HOUR)

/* The end of "2006-01-02T15:04:05.000000Z" with its NUL. */
#define RFC3339_MAX 32

usec_t now_monotonic(void);
usec_t now_realtime(void);

/* a + b, USEC_INFINITY when either is or when the sum does not fit. */
static inline usec_t usec_add(usec_t a, usec_t b) {
        usec_t s;

        if (a == USEC_INFINITY || b == USEC_INFINITY || __builtin_add_overflow(a, b, &s))
                return USEC_INFINITY;
        return s;
}
/* a - b, 0 when that would be negative; infinity stays infinity. */
static inline usec_t usec_sub(usec_t a, usec_t b) {
        return a == USEC_INFINITY ? a : a > b ? a - b : 0;
}

/* Writes t (microseconds since the epoch, UTC) as RFC 3339 with the six digits of the microseconds (none when
 * they are 0). buf must hold RFC3339_MAX bytes. Returns buf. */
char *format_rfc3339(char *buf, usec_t realtime);

/* Reads an RFC 3339 time ("2006-01-02T15:04:05[.fraction](Z|+hh:mm)"). 0 or -EINVAL. */
int parse_rfc3339(const char *s, usec_t *ret);

/* The civil date of a day counted from 1970-01-01. */
void civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);

/* Writes a span for people: "1s", "2min 5s", "3h 12min", "250ms"; two units at most, "infinity" for never. */
char *format_timespan(char *buf, size_t size, usec_t t);
