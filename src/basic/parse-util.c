/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/parse-util.h"

#include <string.h>
#include <strings.h>

#include "basic/macro.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

int parse_bool(const char *s, bool *ret) {
        static const char *const yes[] = { "1", "yes", "y", "true", "t", "on" };
        static const char *const no[] = { "0", "no", "n", "false", "f", "off" };

        assert(s);
        assert(ret);

        for (size_t i = 0; i < ELEMENTSOF(yes); i++) {
                bool is_yes = strcasecmp(s, yes[i]) == 0;

                if (is_yes || strcasecmp(s, no[i]) == 0) {
                        *ret = is_yes;
                        return 0;
                }
        }
        return -EINVAL;
}

/* Takes digits from the front of s: where they end, or NULL (none there, or too many). */
static const char *scan_digits(const char *s, const char *end, uint64_t *ret) {
        uint64_t v = 0;
        const char *p = s;

        for (; p < end && *p >= '0' && *p <= '9'; p++)
                if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t) (*p - '0'), &v))
                        return NULL;
        if (p == s)
                return NULL;
        *ret = v;
        return p;
}

int parse_u64(const char *s, uint64_t *ret) {
        const char *end;
        uint64_t v;

        assert(s);
        assert(ret);

        if (s[0] < '0' || s[0] > '9')
                return -EINVAL;
        end = scan_digits(s, s + strlen(s), &v);
        if (!end)
                return -ERANGE;
        if (*end != '\0')
                return -EINVAL;
        *ret = v;
        return 0;
}

int parse_i64(const char *s, int64_t *ret) {
        bool negative = *s == '-';
        uint64_t v;
        int r;

        r = parse_u64(s + (negative || *s == '+'), &v);
        if (r < 0)
                return r;
        if (v > (uint64_t) INT64_MAX)
                return -ERANGE;
        *ret = negative ? -(int64_t) v : (int64_t) v;
        return 0;
}

int parse_u64_range(const char *s, uint64_t min, uint64_t max, uint64_t *ret) {
        uint64_t v;
        int r;

        r = parse_u64(s, &v);
        if (r < 0)
                return r;
        if (v < min || v > max)
                return -ERANGE;
        *ret = v;
        return 0;
}

int parse_size(const char *s, uint64_t *ret) {
        static const char suffixes[] = "BKMGT";
        const char *end, *suffix;
        uint64_t v;

        assert(s);
        assert(ret);

        end = scan_digits(s, s + strlen(s), &v);
        if (!end)
                return s[0] >= '0' && s[0] <= '9' ? -ERANGE : -EINVAL;
        if (*end != '\0') {
                suffix = strchr(suffixes, *end);
                if (!suffix || end[1] != '\0')
                        return -EINVAL;
                if (__builtin_mul_overflow(v, UINT64_C(1) << (10 * (suffix - suffixes)), &v))
                        return -ERANGE;
        }
        *ret = v;
        return 0;
}

static const struct {
        const char *name;
        usec_t usec;
} time_units[] = {
        { "us", 1 },           { "usec", 1 },
        { "ms", USEC_PER_MSEC }, { "msec", USEC_PER_MSEC },
        { "s", USEC_PER_SEC }, { "sec", USEC_PER_SEC },   { "second", USEC_PER_SEC }, { "seconds", USEC_PER_SEC },
        { "m", USEC_PER_MINUTE }, { "min", USEC_PER_MINUTE }, { "minute", USEC_PER_MINUTE },
        { "minutes", USEC_PER_MINUTE },
        { "h", USEC_PER_HOUR }, { "hr", USEC_PER_HOUR }, { "hour", USEC_PER_HOUR }, { "hours", USEC_PER_HOUR },
        { "d", USEC_PER_DAY }, { "day", USEC_PER_DAY }, { "days", USEC_PER_DAY },
};

/* Takes one "NUMBER[.FRACTION][UNIT]" from *s and adds it to *sum. */
static int take_timespan(const char **s, usec_t *sum) {
        uint64_t whole, fraction = 0, scale = 1;
        const char *p, *end = *s + strlen(*s);
        usec_t unit = USEC_PER_SEC, v;
        size_t n;

        p = scan_digits(*s, end, &whole);
        if (!p)
                return -EINVAL;
        if (*p == '.')
                for (p++; *p >= '0' && *p <= '9'; p++)
                        if (scale < 1000000) {
                                fraction = fraction * 10 + (uint64_t) (*p - '0');
                                scale *= 10;
                        }
        p += strspn(p, " \t");
        n = strcspn(p, "0123456789 \t");
        if (n > 0) {
                size_t i;

                for (i = 0; i < ELEMENTSOF(time_units); i++)
                        if (strlen(time_units[i].name) == n && strncmp(p, time_units[i].name, n) == 0)
                                break;
                if (i == ELEMENTSOF(time_units))
                        return -EINVAL;
                unit = time_units[i].usec;
        }
        p += n;
        p += strspn(p, " \t");
        if (__builtin_mul_overflow(whole, unit, &v) || v > USEC_INFINITY - unit - 1 - *sum)
                return -ERANGE;
        *sum += v + fraction * unit / scale;
        *s = p;
        return 0;
}

int parse_usec(const char *s, usec_t *ret) {
        usec_t sum = 0;
        int r;

        assert(s);
        assert(ret);

        if (streq(s, "infinity")) {
                *ret = USEC_INFINITY;
                return 0;
        }
        if (*s == '\0')
                return -EINVAL;
        while (*s != '\0') {
                r = take_timespan(&s, &sum);
                if (r < 0)
                        return r;
        }
        *ret = sum;
        return 0;
}

int parse_milli_n(const char *s, size_t size, int64_t *ret) {
        const char *end = s + size, *p;
        uint64_t whole, milli = 0;

        assert(s);
        assert(ret);

        p = scan_digits(s, end, &whole);
        if (!p)
                return size > 0 && s[0] >= '0' && s[0] <= '9' ? -ERANGE : -EINVAL;
        if (p < end) {
                uint64_t unit = 100;

                if (*p++ != '.' || p == end)
                        return -EINVAL;
                for (; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10) {
                        if (unit == 0 && *p != '0')
                                return -EINVAL;
                        milli += (uint64_t) (*p - '0') * unit;
                }
                if (p != end)
                        return -EINVAL;
        }
        if (whole > (uint64_t) INT64_MAX / 1000 - 1)
                return -ERANGE;
        *ret = (int64_t) (whole * 1000 + milli);
        return 0;
}

int parse_milli(const char *s, int64_t *ret) {
        assert(s);
        return parse_milli_n(s, strlen(s), ret);
}
