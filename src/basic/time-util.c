/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/time-util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "basic/macro.h"

static usec_t now_of(clockid_t clock) {
        struct timespec ts;

        (void) clock_gettime(clock, &ts); /* cannot fail for the two clocks used here */
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

usec_t now_monotonic(void) {
        return now_of(CLOCK_MONOTONIC);
}

usec_t now_realtime(void) {
        return now_of(CLOCK_REALTIME);
}

/* Days since 1970-01-01 to the civil date and back, after Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms" (2014): pure arithmetic, no time zone database, no locks. */
void civil_from_days(int64_t days, int64_t *y, unsigned *m, unsigned *d) {
        int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097;
        unsigned doe = (unsigned) (z - era * 146097);
        unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
        unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        unsigned mp = (5 * doy + 2) / 153;

        *d = doy - (153 * mp + 2) / 5 + 1;
        *m = mp < 10 ? mp + 3 : mp - 9;
        *y = (int64_t) yoe + era * 400 + (*m <= 2);
}

static int64_t days_from_civil(int64_t y, unsigned m, unsigned d) {
        int64_t era;
        unsigned yoe, doy, doe;

        y -= m <= 2;
        era = (y >= 0 ? y : y - 399) / 400;
        yoe = (unsigned) (y - era * 400);
        doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
        doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        return era * 146097 + (int64_t) doe - 719468;
}

static char *put_digits(char *p, uint64_t v, unsigned width) {
        for (unsigned i = width; i > 0; i--, v /= 10)
                p[i - 1] = (char) ('0' + v % 10);
        return p + width;
}

char *format_rfc3339(char *buf, usec_t t) {
        uint64_t sec = t / USEC_PER_SEC, in_day = sec % 86400;
        unsigned m, d;
        int64_t y;
        char *p = buf;

        civil_from_days((int64_t) (sec / 86400), &y, &m, &d);
        p = put_digits(p, (uint64_t) MIN(y, (int64_t) 9999), 4);
        *p++ = '-';
        p = put_digits(p, m, 2);
        *p++ = '-';
        p = put_digits(p, d, 2);
        *p++ = 'T';
        p = put_digits(p, in_day / 3600, 2);
        *p++ = ':';
        p = put_digits(p, in_day / 60 % 60, 2);
        *p++ = ':';
        p = put_digits(p, in_day % 60, 2);
        if (t % USEC_PER_SEC != 0) {
                *p++ = '.';
                p = put_digits(p, t % USEC_PER_SEC, 6);
        }
        *p++ = 'Z';
        *p = '\0';
        return buf;
}

/* Takes `width` digits from *s. */
static int take_digits(const char **s, unsigned width, unsigned max, unsigned *ret) {
        unsigned v = 0;

        for (unsigned i = 0; i < width; i++) {
                char c = (*s)[i];

                if (c < '0' || c > '9')
                        return -EINVAL;
                v = v * 10 + (unsigned) (c - '0');
        }
        if (v > max)
                return -EINVAL;
        *s += width;
        *ret = v;
        return 0;
}

static int take_char(const char **s, char c) {
        if (**s != c)
                return -EINVAL;
        (*s)++;
        return 0;
}

static int take_fraction(const char **s, usec_t *ret) {
        usec_t f = 0, unit = 100000;

        *ret = 0;
        if (**s != '.')
                return 0;
        (*s)++;
        if (**s < '0' || **s > '9')
                return -EINVAL;
        for (; **s >= '0' && **s <= '9'; (*s)++, unit /= 10)
                f += (usec_t) (**s - '0') * unit;
        *ret = f;
        return 0;
}

static int take_zone(const char **s, int64_t *ret_seconds) {
        unsigned h, m;
        int sign;

        *ret_seconds = 0;
        if (**s == 'Z' || **s == 'z') {
                (*s)++;
                return 0;
        }
        sign = **s == '+' ? 1 : **s == '-' ? -1 : 0;
        if (sign == 0)
                return -EINVAL;
        (*s)++;
        if (take_digits(s, 2, 23, &h) < 0 || take_char(s, ':') < 0 || take_digits(s, 2, 59, &m) < 0)
                return -EINVAL;
        *ret_seconds = sign * (int64_t) (h * 3600 + m * 60);
        return 0;
}

int parse_rfc3339(const char *s, usec_t *ret) {
        unsigned y, mo, d, h, mi, sec;
        int64_t zone, total;
        usec_t fraction;

        assert(s);
        assert(ret);

        if (take_digits(&s, 4, 9999, &y) < 0 || take_char(&s, '-') < 0 || take_digits(&s, 2, 12, &mo) < 0 ||
            take_char(&s, '-') < 0 || take_digits(&s, 2, 31, &d) < 0 || mo == 0 || d == 0)
                return -EINVAL;
        if (*s != 'T' && *s != 't' && *s != ' ')
                return -EINVAL;
        s++;
        if (take_digits(&s, 2, 23, &h) < 0 || take_char(&s, ':') < 0 || take_digits(&s, 2, 59, &mi) < 0 ||
            take_char(&s, ':') < 0 || take_digits(&s, 2, 60, &sec) < 0)
                return -EINVAL;
        if (take_fraction(&s, &fraction) < 0 || take_zone(&s, &zone) < 0 || *s != '\0')
                return -EINVAL;

        total = days_from_civil(y, mo, d) * 86400 + (int64_t) (h * 3600 + mi * 60 + sec) - zone;
        if (total < 0)
                return -EINVAL;
        *ret = (usec_t) total * USEC_PER_SEC + fraction;
        return 0;
}

static const struct {
        const char *suffix;
        usec_t usec;
} span_units[] = {
        { "d", USEC_PER_DAY },   { "h", USEC_PER_HOUR },   { "min", USEC_PER_MINUTE },
        { "s", USEC_PER_SEC },   { "ms", USEC_PER_MSEC },  { "us", 1 },
};

char *format_timespan(char *buf, size_t size, usec_t t) {
        size_t used = 0;
        unsigned units = 0;

        assert(buf);

        if (t == USEC_INFINITY)
                (void) snprintf(buf, size, "infinity");
        else if (t == 0)
                (void) snprintf(buf, size, "0s");
        if (t == USEC_INFINITY || t == 0)
                return buf;

        for (size_t i = 0; i < ELEMENTSOF(span_units) && units < 2 && used < size; i++) {
                usec_t n = t / span_units[i].usec;

                if (n == 0 && units > 0)
                        break;
                if (n == 0)
                        continue;
                used += (size_t) snprintf(buf + used, size - used, "%s%llu%s", units > 0 ? " " : "",
                                          (unsigned long long) n, span_units[i].suffix);
                t %= span_units[i].usec;
                units++;
        }
        return buf;
}
