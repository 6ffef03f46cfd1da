/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "basic/string-util.h"
#include "kubesimd/api/kube/body/yaml.h"

/* Longer ones are text: what they would say is beyond every number that we know. */
#define DIGITS_MAX 400
/* Below this every whole double has its own digits. */
#define EXACT_MAX 1e15

static const struct {
        const char *words[10];
        YamlScalar means;
} words[] = {
        { { "", "~", "null", "Null", "NULL" }, YAML_NULL },
        { { "true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y" }, YAML_TRUE },
        { { "on", "On", "ON" }, YAML_TRUE },
        { { "false", "False", "FALSE", "no", "No", "NO", "n", "N" }, YAML_FALSE },
        { { "off", "Off", "OFF" }, YAML_FALSE },
        { { ".nan", ".NaN", ".NAN" }, YAML_NOT_FINITE },
        { { ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF", "-.inf", "-.Inf", "-.INF" }, YAML_NOT_FINITE },
        { { "<<" }, YAML_MERGE },
};

/* Takes "0x", "0o", "0b" or the "0" of an octal from *s. */
static unsigned take_base(const char **s) {
        const char *p = *s;

        if (p[0] != '0' || p[1] == '\0')
                return 10;
        *s += 2;
        switch (tolower((unsigned char) p[1])) {
        case 'x':
                return 16;
        case 'o':
                return 8;
        case 'b':
                return 2;
        default:
                *s -= 1;
                return 8;
        }
}

static bool parse_magnitude(const char *s, uint64_t *ret) {
        unsigned base = take_base(&s);
        uint64_t v = 0;

        if (*s == '\0')
                return false;
        for (; *s; s++) {
                unsigned c = (unsigned char) tolower((unsigned char) *s);
                unsigned digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;

                if (digit >= base || __builtin_mul_overflow(v, base, &v) || __builtin_add_overflow(v, digit, &v))
                        return false;
        }
        *ret = v;
        return true;
}

static bool parse_integer(const char *s, char *number) {
        bool negative = *s == '-';
        uint64_t v;

        if (!parse_magnitude(s + (negative || *s == '+'), &v) || (negative && v > (uint64_t) INT64_MAX + 1))
                return false;
        (void) snprintf(number, YAML_NUMBER_MAX, "%s%llu", negative && v > 0 ? "-" : "", (unsigned long long) v);
        return true;
}

/* [-+]? (digits [. digits*]? | . digits) ([eE] [-+]? digits)? */
static bool looks_like_fraction(const char *s) {
        size_t whole, fraction = 0;

        s += *s == '-' || *s == '+';
        whole = strspn(s, "0123456789");
        s += whole;
        if (*s == '.') {
                fraction = strspn(++s, "0123456789");
                s += fraction;
        }
        if (whole + fraction == 0)
                return false;
        if (*s == 'e' || *s == 'E') {
                s++;
                s += *s == '-' || *s == '+';
                whole = strspn(s, "0123456789");
                if (whole == 0)
                        return false;
                s += whole;
        }
        return *s == '\0';
}

static bool parse_fraction(const char *s, char *number) {
        double v;

        if (!looks_like_fraction(s))
                return false;
        v = strtod(s, NULL);
        if (!__builtin_isfinite(v))
                return false;
        if (v > -EXACT_MAX && v < EXACT_MAX && (double) (int64_t) v == v) {
                (void) snprintf(number, YAML_NUMBER_MAX, "%lld", (long long) v);
                return true;
        }
        /* the fewest digits that tell it from its neighbours */
        for (int digits = 15; digits <= 17; digits++) {
                (void) snprintf(number, YAML_NUMBER_MAX, "%.*g", digits, v);
                if (strtod(number, NULL) == v)
                        break;
        }
        return true;
}

YamlScalar yaml_resolve(const char *s, char number[static YAML_NUMBER_MAX]) {
        char plain[DIGITS_MAX + 1];
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                for (size_t k = 0; k < ELEMENTSOF(words[i].words) && words[i].words[k]; k++)
                        if (streq(words[i].words[k], s))
                                return words[i].means;
        if (!strchr("+-.0123456789", *s))
                return YAML_STRING;
        for (const char *p = s; *p; p++) {
                if (*p == '_' && *s != '.')
                        continue; /* may stand between the digits of all but .5 */
                if (n == DIGITS_MAX)
                        return YAML_STRING;
                plain[n++] = *p;
        }
        plain[n] = '\0';
        if (parse_integer(plain, number))
                return YAML_INTEGER;
        return parse_fraction(plain, number) ? YAML_FRACTION : YAML_STRING;
}
