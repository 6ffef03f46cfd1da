/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/quantity.h"

#include "basic/macro.h"
#include "basic/strbuf.h"
#include "basic/string-util.h"

#define DIGITS_MAX 18
#define EXPONENT_MAX 60

/* Each is 10^exponent or 2^power. */
static const struct {
        const char *name;
        int exponent, power;
} suffixes[] = {
        { "", 0, 0 },   { "n", -9, 0 }, { "u", -6, 0 },  { "m", -3, 0 },  { "k", 3, 0 },   { "M", 6, 0 },   { "G", 9, 0 },   { "T", 12, 0 },
        { "P", 15, 0 }, { "E", 18, 0 }, { "Ki", 0, 10 }, { "Mi", 0, 20 }, { "Gi", 0, 30 }, { "Ti", 0, 40 }, { "Pi", 0, 50 }, { "Ei", 0, 60 },
};

/* "e3", "E-2": a suffix that is a decimal exponent. */
static int parse_exponent(const char *s, int *ret) {
        bool negative;
        int v = 0;

        if (*s != 'e' && *s != 'E')
                return -EINVAL;
        s++;
        negative = *s == '-';
        s += *s == '-' || *s == '+';
        if (*s == '\0')
                return -EINVAL;
        for (; *s; s++) {
                if (*s < '0' || *s > '9')
                        return -EINVAL;
                v = MIN(v * 10 + (*s - '0'), 1000);
        }
        *ret = negative ? -v : v;
        return 0;
}

static int parse_suffix(const char *s, int *ret_exponent, int *ret_power) {
        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++)
                if (streq(s, suffixes[i].name)) {
                        *ret_exponent = suffixes[i].exponent;
                        *ret_power = suffixes[i].power;
                        return 0;
                }
        *ret_power = 0;
        return parse_exponent(s, ret_exponent);
}

/* The digits before the suffix, and how many of them stand after the point. */
static int parse_digits(const char **s, __int128 *ret, int *ret_after) {
        int digits = 0, after = -1;
        __int128 v = 0;
        bool any = false;

        for (; (**s >= '0' && **s <= '9') || (**s == '.' && after < 0); (*s)++) {
                if (**s == '.') {
                        after = 0;
                        continue;
                }
                any = true;
                if (v == 0 && **s == '0' && after < 0)
                        continue; /* leading zeros */
                if (++digits > DIGITS_MAX)
                        return -ERANGE;
                v = v * 10 + (**s - '0');
                after += after >= 0;
        }
        *ret = v;
        *ret_after = MAX(after, 0);
        return any ? 0 : -EINVAL;
}

/* In units of 10^-places, rounded up. */
static int parse(const char *s, int places, int64_t *ret) {
        int exponent, power, after, r;
        __int128 v, unit = 1;
        bool negative;

        negative = *s == '-';
        s += *s == '-' || *s == '+';
        r = parse_digits(&s, &v, &after);
        if (r < 0)
                return r;
        r = parse_suffix(s, &exponent, &power);
        if (r < 0)
                return r;
        exponent += places - after;
        if (v != 0 && (exponent > 18 || exponent < -EXPONENT_MAX))
                return exponent > 0 ? -ERANGE : -EINVAL;
        v <<= power; /* 60 bits of digits and 60 of the suffix */
        for (; exponent > 0 && v != 0; exponent--) {
                v *= 10;
                if (v > (__int128) INT64_MAX << 4)
                        return -ERANGE;
        }
        for (; exponent < 0 && unit <= v; exponent++)
                unit *= 10;
        v = v / unit + (v % unit != 0);
        if (v > INT64_MAX)
                return -ERANGE;
        *ret = negative ? -(int64_t) v : (int64_t) v;
        return 0;
}

/* mantissa * 10^exponent */
typedef struct Decimal {
        __int128 mantissa;
        int exponent;
} Decimal;

/* Fewer digits after the point, rounded up. */
static void round_up_to(Decimal *d, int exponent) {
        bool rest = false;

        for (; d->exponent < exponent; d->exponent++) {
                rest |= d->mantissa % 10 != 0;
                d->mantissa /= 10;
        }
        d->mantissa += rest;
}

static bool is_at_least(Decimal d, __int128 least) {
        for (; d.exponent < 0 && least <= d.mantissa; d.exponent++)
                least *= 10;
        return d.mantissa >= least;
}

/* Powers of 1024, which the suffixes know six of. */
static int print_binary(Decimal d, bool negative, char ret[static QUANTITY_TEXT_MAX]) {
        static const char *const names[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
        size_t i = 0;

        round_up_to(&d, 0);
        for (; d.mantissa % 1024 == 0 && i + 1 < ELEMENTSOF(names); i++)
                d.mantissa /= 1024;
        if (d.mantissa > INT64_MAX)
                return -ERANGE;
        (void) buf_printf(ret, QUANTITY_TEXT_MAX, "%s%lld%s", negative ? "-" : "", (long long) d.mantissa, names[i]);
        return 0;
}

/* Powers of a thousand, as a suffix or as an exponent. */
static int print_decimal(Decimal d, bool negative, bool by_exponent, char ret[static QUANTITY_TEXT_MAX]) {
        static const char *const names[] = { "n", "u", "m", "", "k", "M", "G", "T", "P", "E" };

        for (; d.mantissa % 10 == 0; d.exponent++)
                d.mantissa /= 10;
        for (; d.exponent % 3 != 0 || d.exponent > 18; d.exponent--) {
                d.mantissa *= 10;
                if (d.mantissa > INT64_MAX)
                        return -ERANGE;
        }
        if (d.mantissa > INT64_MAX)
                return -ERANGE;
        if (by_exponent && d.exponent != 0)
                (void) buf_printf(ret, QUANTITY_TEXT_MAX, "%s%llde%d", negative ? "-" : "", (long long) d.mantissa, d.exponent);
        else
                (void) buf_printf(ret, QUANTITY_TEXT_MAX, "%s%lld%s", negative ? "-" : "", (long long) d.mantissa, names[d.exponent / 3 + 3]);
        return 0;
}

int quantity_canonical(const char *s, char ret[static QUANTITY_TEXT_MAX]) {
        bool negative = *s == '-', by_exponent;
        int exponent, power, after, r;
        Decimal d;

        s += *s == '-' || *s == '+';
        r = parse_digits(&s, &d.mantissa, &after);
        if (r < 0)
                return r;
        by_exponent = (*s == 'e' || *s == 'E') && s[1] != '\0' && s[1] != 'i';
        r = parse_suffix(s, &exponent, &power);
        if (r < 0)
                return r;
        d.mantissa <<= power;
        d.exponent = MAX(exponent, -EXPONENT_MAX) - after;
        round_up_to(&d, -9);
        if (d.mantissa == 0) {
                (void) buf_printf(ret, QUANTITY_TEXT_MAX, "0");
                return 0;
        }
        if (d.exponent > EXPONENT_MAX)
                return -ERANGE;
        return power > 0 && is_at_least(d, 1024) ? print_binary(d, negative, ret) : print_decimal(d, negative, by_exponent, ret);
}

int quantity_parse_milli(const char *s, int64_t *ret) {
        return parse(s, 3, ret);
}

int quantity_parse_value(const char *s, int64_t *ret) {
        return parse(s, 0, ret);
}
