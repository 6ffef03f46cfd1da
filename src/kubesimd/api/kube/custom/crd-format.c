/* SPDX-License-Identifier: Apache-2.0 */
/* The formats of strings that are checked (kube-openapi, pkg/validation/strfmt); the others are kept, and mean nothing here. */
#include <arpa/inet.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/kube/custom/crd.h"

static bool is_digit(char c) {
        return c >= '0' && c <= '9';
}

static bool is_hex(char c) {
        return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_letter(char c) {
        return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Does it look like the pattern? '#' is a digit, 'x' a hexadecimal one, anything else itself. */
static bool looks_like(const char *s, const char *pattern) {
        for (; *pattern; s++, pattern++)
                if (*pattern == '#' ? !is_digit(*s) : *pattern == 'x' ? !is_hex(*s) : *s != *pattern)
                        return false;
        return *s == '\0';
}

static bool is_date(const char *s) {
        static const unsigned days[] = { 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
        unsigned month, day, year;

        if (!looks_like(s, "####-##-##"))
                return false;
        year = (unsigned) ((s[0] - '0') * 1000 + (s[1] - '0') * 100 + (s[2] - '0') * 10 + s[3] - '0');
        month = (unsigned) ((s[5] - '0') * 10 + s[6] - '0');
        day = (unsigned) ((s[8] - '0') * 10 + s[9] - '0');
        if (month < 1 || month > 12 || day < 1 || day > days[month - 1])
                return false;
        return month != 2 || day < 29 || (year % 4 == 0 && (year % 100 != 0 || year % 400 == 0));
}

/* Our times begin in 1970, theirs do not. */
static bool is_date_time(const char *s) {
        char date[11], text[48];
        size_t n = strlen(s);
        usec_t t;

        if (n < sizeof(date) || n >= sizeof(text))
                return false;
        memcpy(date, s, sizeof(date) - 1);
        date[sizeof(date) - 1] = '\0';
        memcpy(text, s, n + 1);
        memcpy(text, "2000", 4);
        return is_date(date) && parse_rfc3339(text, &t) >= 0;
}

/* As Go writes durations ("1h30m", "-1.5s"), or a number and a word ("2 days"). */
static bool is_duration(const char *s) {
        static const char *const units[] = { "ns", "us", "\302\265s", "\316\274s", "ms", "s", "m", "h", "d", "w" };
        static const char *const words[] = { "nanosecond", "microsecond", "millisecond", "second", "minute", "hour", "day", "week" };
        bool any = false;

        s += *s == '-' || *s == '+';
        if (streq(s, "0"))
                return true;
        while (*s) {
                const char *digits = s, *rest = NULL;

                while (is_digit(*s) || *s == '.')
                        s++;
                if (s == digits || (s == digits + 1 && *digits == '.'))
                        return false;
                while (*s == ' ')
                        s++;
                for (size_t i = 0; i < ELEMENTSOF(words) && !rest; i++)
                        rest = startswith(s, words[i]);
                if (rest)
                        rest += *rest == 's';
                for (size_t i = 0; i < ELEMENTSOF(units) && !rest; i++)
                        rest = startswith(s, units[i]);
                if (!rest)
                        return false;
                s = rest;
                any = true;
        }
        return any;
}

static bool is_base64(const char *s) {
        size_t n = strlen(s), padding = 0;

        for (size_t i = 0; i < n; i++) {
                if (s[i] == '=' && i + 2 >= n)
                        padding++;
                else if (padding > 0 || (!is_letter(s[i]) && !is_digit(s[i]) && s[i] != '+' && s[i] != '/'))
                        return false;
        }
        return n % 4 == 0;
}

static bool is_hostname(const char *s) {
        size_t label = 0, n = strlen(s);

        if (n == 0 || n > 255)
                return false;
        for (size_t i = 0; i <= n; i++) {
                if (s[i] == '.' || s[i] == '\0') {
                        if ((label == 0 && !(i == n && n > 1)) || label > 63 || (label > 0 && s[i - 1] == '-'))
                                return false;
                        label = 0;
                } else if (!is_letter(s[i]) && !is_digit(s[i]) && (s[i] != '-' || label == 0))
                        return false;
                else
                        label++;
        }
        return true;
}

static bool is_email(const char *s) {
        const char *at = strrchr(s, '@');

        if (!at || at == s || !is_hostname(at + 1))
                return false;
        for (; s < at; s++)
                if ((unsigned char) *s <= ' ' || strchr("()<>[]:;@\\,\"", *s))
                        return false;
        return true;
}

static bool is_ipv4(const char *s) {
        struct in_addr a;

        return inet_pton(AF_INET, s, &a) == 1;
}

static bool is_ipv6(const char *s) {
        struct in6_addr a;

        return inet_pton(AF_INET6, s, &a) == 1;
}

static bool is_cidr(const char *s) {
        const char *slash = strchr(s, '/');
        char address[INET6_ADDRSTRLEN];
        uint64_t bits;

        if (!slash || (size_t) (slash - s) >= sizeof(address))
                return false;
        memcpy(address, s, (size_t) (slash - s));
        address[slash - s] = '\0';
        return (is_ipv4(address) && parse_u64_range(slash + 1, 0, 32, &bits) >= 0) || (is_ipv6(address) && parse_u64_range(slash + 1, 0, 128, &bits) >= 0);
}

static bool is_mac(const char *s) {
        return looks_like(s, "xx:xx:xx:xx:xx:xx") || looks_like(s, "xx-xx-xx-xx-xx-xx") || looks_like(s, "xxxx.xxxx.xxxx") ||
               looks_like(s, "xx:xx:xx:xx:xx:xx:xx:xx") || looks_like(s, "xx-xx-xx-xx-xx-xx-xx-xx");
}

static bool is_uuid(const char *s) {
        return looks_like(s, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") || looks_like(s, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
}

/* Of that version; those after the third say of which variant they are, too. */
static bool is_uuid_of(const char *s, char version) {
        bool hyphens = is_uuid(s) && s[8] == '-';

        return is_uuid(s) && s[hyphens ? 14 : 12] == version && (version == '3' || strchr("89abAB", s[hyphens ? 19 : 16]));
}

static bool is_uuid3(const char *s) {
        return is_uuid_of(s, '3');
}

static bool is_uuid4(const char *s) {
        return is_uuid_of(s, '4');
}

static bool is_uuid5(const char *s) {
        return is_uuid_of(s, '5');
}

/* With a scheme, or a path of a host: RFC 3986 as Go's url.ParseRequestURI() has it. */
static bool is_uri(const char *s) {
        const char *p = s;

        for (const char *c = s; *c; c++)
                if ((unsigned char) *c <= ' ' || *c == 0x7f)
                        return false;
        if (*s == '/')
                return true;
        while (is_letter(*p) || (p > s && (is_digit(*p) || strchr("+-.", *p))))
                if (*p++ == '\0')
                        return false;
        return p > s && *p == ':' && p[1] != '\0';
}

static bool is_hex_color(const char *s) {
        s += *s == '#';
        return looks_like(s, "xxx") || looks_like(s, "xxxxxx");
}

static bool is_object_id(const char *s) {
        return looks_like(s, "xxxxxxxxxxxxxxxxxxxxxxxx");
}

static bool is_anything(const char *s _unused_) {
        return true;
}

static const struct {
        const char *name;
        bool (*matches)(const char *s);
} formats[] = {
        { "date-time", is_date_time }, { "datetime", is_date_time }, { "date", is_date },     { "duration", is_duration }, { "byte", is_base64 },
        { "email", is_email },         { "hostname", is_hostname },  { "ipv4", is_ipv4 },     { "ipv6", is_ipv6 },         { "cidr", is_cidr },
        { "mac", is_mac },             { "uuid", is_uuid },          { "uuid3", is_uuid3 },   { "uuid4", is_uuid4 },       { "uuid5", is_uuid5 },
        { "uri", is_uri },             { "hexcolor", is_hex_color }, { "bsonobjectid", is_object_id }, { "password", is_anything },
};

bool crd_format_matches(const char *format, const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(formats); i++)
                if (streq(formats[i].name, format))
                        return formats[i].matches(s);
        return true;
}
