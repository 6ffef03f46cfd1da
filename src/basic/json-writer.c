/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-writer.h"

#include "basic/time-util.h"

static const bool needs_escape[256] = { [0 ... 0x1f] = true, ['"'] = true, ['\\'] = true, [0x7f] = true };

static void put_escaped(StrBuf *b, unsigned char c) {
        switch (c) {
        case '"':
                return strbuf_append(b, "\\\"", 2);
        case '\\':
                return strbuf_append(b, "\\\\", 2);
        case '\n':
                return strbuf_append(b, "\\n", 2);
        case '\t':
                return strbuf_append(b, "\\t", 2);
        default:
                strbuf_printf(b, "\\u%04x", c);
        }
}

/* The first byte that has to be escaped, or the end. Eight at a time: a byte of `escaped` has its top bit set where the text has
 * such a letter, or stands after one (Warren, "Hacker's Delight", 6-1). */
static const char *skip_plain(const char *p, const char *end) {
        const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);

        for (; end - p >= 8; p += 8) {
                uint64_t v, quotes, slashes, deletes, escaped;

                memcpy(&v, p, 8);
                quotes = v ^ ones * '"';
                slashes = v ^ ones * '\\';
                deletes = v ^ ones * 0x7f;
                escaped = (((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes) | ((deletes - ones) & ~deletes) | ((v - ones * 0x20) & ~v)) & tops;
                if (escaped)
                        break;
        }
        while (p < end && !needs_escape[(unsigned char) *p])
                p++;
        return p;
}

void json_put_string(StrBuf *b, const char *s) {
        const char *end, *p;

        assert(s);

        strbuf_putc(b, '"');
        for (end = s + strlen(s); (p = skip_plain(s, end)) < end; s = p + 1) {
                strbuf_append(b, s, (size_t) (p - s));
                put_escaped(b, (unsigned char) *p);
        }
        strbuf_append(b, s, (size_t) (end - s));
        strbuf_putc(b, '"');
}

void json_put_text(StrBuf *b, StrBuf *text) {
        strbuf_fail(b, strbuf_error(text));
        json_put_string(b, strbuf_str(text));
}

/* value / unit with the decimals that are not zero. */
static void put_decimal(StrBuf *b, uint64_t value, uint64_t unit) {
        uint64_t rest = value % unit;

        strbuf_put_u64(b, value / unit);
        if (rest == 0)
                return;
        strbuf_putc(b, '.');
        for (unit /= 10; rest > 0; rest %= unit, unit /= 10) {
                strbuf_putc(b, (char) ('0' + rest / unit));
                if (unit == 1)
                        break;
        }
}

void json_put_milli(StrBuf *b, int64_t milli) {
        if (milli < 0)
                strbuf_putc(b, '-');
        put_decimal(b, milli < 0 ? -(uint64_t) milli : (uint64_t) milli, 1000);
}

void json_put_seconds(StrBuf *b, usec_t span) {
        put_decimal(b, span, USEC_PER_SEC);
}

void json_put_time(StrBuf *b, usec_t realtime) {
        char buf[RFC3339_MAX];

        strbuf_putc(b, '"');
        strbuf_puts(b, format_rfc3339(buf, realtime));
        strbuf_putc(b, '"');
}
