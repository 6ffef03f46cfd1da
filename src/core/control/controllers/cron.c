/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/cron.h"

#include <stdio.h>
#include <strings.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"

#define DAYS_MAX (5 * 366)

static const char *const month_names[] = { "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", NULL };
static const char *const weekday_names[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat", NULL };

typedef struct Field {
        unsigned min, max;
        const char *const *names; /* of min, min + 1, ...; may be NULL */
} Field;

static const Field fields[] = {
        { 0, 59, NULL }, { 0, 23, NULL }, { 1, 31, NULL }, { 1, 12, month_names }, { 0, 6, weekday_names },
};

static const struct {
        const char *name, *means;
} shorthands[] = {
        { "@yearly", "0 0 1 1 *" }, { "@annually", "0 0 1 1 *" }, { "@monthly", "0 0 1 * *" }, { "@weekly", "0 0 * * 0" },
        { "@daily", "0 0 * * *" },  { "@midnight", "0 0 * * *" }, { "@hourly", "0 * * * *" },
};

/* s[0 ... n-1] as a number, or as one of the field's names. */
static int parse_value(const Field *f, const char *s, size_t n, unsigned *ret, Error *reterr) {
        char text[16] = "";
        uint64_t v;

        if (n > 0 && n < sizeof(text))
                memcpy(text, s, n);
        for (unsigned i = 0; f->names && f->names[i]; i++)
                if (strcasecmp(f->names[i], text) == 0) {
                        *ret = f->min + i;
                        return 0;
                }
        if (parse_u64_range(text, 0, INT32_MAX, &v) < 0)
                return error_set(reterr, -EINVAL, "failed to parse int from %.*s", (int) n, s);
        *ret = (unsigned) v;
        return 0;
}

/* "*", "A", "A-B", each with "/STEP" or without. *ret_any: it leaves the field open. */
static int parse_range(const Field *f, const char *s, size_t n, uint64_t *bits, bool *ret_any, Error *reterr) {
        const char *slash = memchr(s, '/', n), *dash;
        size_t range = slash ? (size_t) (slash - s) : n;
        unsigned from = f->min, to = f->max, step = 1;
        bool star = range == 1 && (*s == '*' || *s == '?');
        int r = 0;

        dash = memchr(s, '-', range);
        if (!star) {
                r = parse_value(f, s, dash ? (size_t) (dash - s) : range, &from, reterr);
                if (r >= 0 && dash)
                        r = parse_value(f, dash + 1, range - (size_t) (dash + 1 - s), &to, reterr);
                else if (!slash)
                        to = from;
        }
        if (r >= 0 && slash)
                r = parse_value(&(Field) {}, slash + 1, n - range - 1, &step, reterr);
        if (r < 0)
                return r;
        if (from < f->min)
                return error_set(reterr, -EINVAL, "beginning of range (%u) below minimum (%u): %.*s", from, f->min, (int) n, s);
        if (to > f->max)
                return error_set(reterr, -EINVAL, "end of range (%u) above maximum (%u): %.*s", to, f->max, (int) n, s);
        if (from > to)
                return error_set(reterr, -EINVAL, "beginning of range (%u) beyond end of range (%u): %.*s", from, to, (int) n, s);
        if (step == 0)
                return error_set(reterr, -EINVAL, "step of range should be a positive number: %.*s", (int) n, s);
        *ret_any |= star && step == 1;
        for (; from <= to; from += MIN(step, 64u))
                *bits |= UINT64_C(1) << from;
        return 0;
}

/* Ranges with commas between. */
static int parse_field(const Field *f, const char *s, size_t n, uint64_t *ret_bits, bool *ret_any, Error *reterr) {
        *ret_bits = 0;
        *ret_any = false;
        for (size_t at = 0; at <= n;) {
                const char *comma = memchr(s + at, ',', n - at);
                size_t size = comma ? (size_t) (comma - s) - at : n - at;
                int r;

                r = parse_range(f, s + at, size, ret_bits, ret_any, reterr);
                if (r < 0)
                        return r;
                at += size + 1;
        }
        return 0;
}

static int parse_every(const char *s, CronSchedule *ret, Error *reterr) {
        usec_t span;

        if (parse_usec(s, &span) < 0 || span == USEC_INFINITY)
                return error_set(reterr, -EINVAL, "failed to parse duration @every %s", s);
        *ret = (CronSchedule) { .every = MAX(span / USEC_PER_SEC, (usec_t) 1) * USEC_PER_SEC };
        return 0;
}

static int parse_fields(const char *s, CronSchedule *ret, Error *reterr) {
        uint64_t bits[ELEMENTSOF(fields)] = {};
        bool any[ELEMENTSOF(fields)] = {};
        size_t n = 0;

        for (const char *p = s + strspn(s, " \t"); *p; n++) {
                size_t size = strcspn(p, " \t");
                int r = n < ELEMENTSOF(fields) ? parse_field(&fields[n], p, size, &bits[n], &any[n], reterr) : 0;

                if (r < 0)
                        return r;
                p += size;
                p += strspn(p, " \t");
        }
        if (n != ELEMENTSOF(fields))
                return error_set(reterr, -EINVAL, "expected exactly 5 fields, found %zu: [%s]", n, s);
        *ret = (CronSchedule) {
                .minutes = bits[0], .hours = (uint32_t) bits[1], .days = (uint32_t) bits[2], .months = (uint32_t) bits[3], .weekdays = (uint32_t) bits[4],
                .any_day = any[2], .any_weekday = any[4],
        };
        return 0;
}

int cron_parse(const char *s, CronSchedule *ret, Error *reterr) {
        const char *span = startswith(s, "@every ");

        if (startswith(s, "TZ=") || startswith(s, "CRON_TZ="))
                return error_set(reterr, -EINVAL, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
        if (span)
                return parse_every(span, ret, reterr);
        if (*s != '@')
                return parse_fields(s, ret, reterr);
        for (size_t i = 0; i < ELEMENTSOF(shorthands); i++)
                if (streq(s, shorthands[i].name))
                        return parse_fields(shorthands[i].means, ret, reterr);
        return error_set(reterr, -EINVAL, "unrecognized descriptor: %s", s);
}

static bool has_day(const CronSchedule *s, int64_t day) {
        unsigned weekday = (unsigned) ((day + 4) % 7), month, d; /* the first day was a Thursday */
        bool of_month, of_week;
        int64_t year;

        civil_from_days(day, &year, &month, &d);
        of_month = s->days & UINT32_C(1) << d;
        of_week = s->weekdays & UINT32_C(1) << weekday;
        if (!(s->months & UINT32_C(1) << month))
                return false;
        return s->any_day || s->any_weekday ? of_month && of_week : of_month || of_week;
}

/* The first minute of a day from that one on, or -1. */
static int64_t next_minute(const CronSchedule *s, int64_t from) {
        for (int64_t hour = from / 60; hour < 24; hour++)
                if (s->hours & UINT32_C(1) << hour)
                        for (int64_t minute = MAX(from - hour * 60, (int64_t) 0); minute < 60; minute++)
                                if (s->minutes & UINT64_C(1) << minute)
                                        return hour * 60 + minute;
        return -1;
}

usec_t cron_next(const CronSchedule *s, usec_t after) {
        int64_t minute = (int64_t) (after / USEC_PER_MINUTE) + 1, day = minute / (24 * 60), from = minute % (24 * 60);

        if (s->every > 0)
                return usec_add(after / USEC_PER_SEC * USEC_PER_SEC, s->every);
        for (unsigned i = 0; i < DAYS_MAX; i++, day++, from = 0) {
                int64_t at = has_day(s, day) ? next_minute(s, from) : -1;

                if (at >= 0)
                        return (usec_t) (day * 24 * 60 + at) * USEC_PER_MINUTE;
        }
        return USEC_INFINITY;
}

usec_t cron_last(const CronSchedule *s, usec_t after, usec_t until) {
        static const usec_t spans[] = { USEC_PER_MINUTE, USEC_PER_HOUR, USEC_PER_DAY, 31 * USEC_PER_DAY, DAYS_MAX * USEC_PER_DAY };

        if (s->every > 0)
                return until >= usec_add(after, s->every) ? after + (until - after) / s->every * s->every : 0;
        /* From near to far: where one span has nothing, the next has only few to step over. */
        for (size_t i = 0; i < ELEMENTSOF(spans); i++) {
                usec_t t = cron_next(s, MAX(after, usec_sub(until, spans[i]))), next;

                if (t > until)
                        continue;
                while ((next = cron_next(s, t)) <= until)
                        t = next;
                return t;
        }
        return 0;
}
