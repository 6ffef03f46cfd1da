/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-writer.h"

#include "basic/time-util.h"

static bool needs_escape(unsigned char c) {
        return c < 0x20 || c == '"' || c == '\\' || c == 0x7f;
}

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

void json_put_string(StrBuf *b, const char *s) {
        const char *p;

        assert(s);

        strbuf_putc(b, '"');
        for (;;) {
                for (p = s; *p && !needs_escape((unsigned char) *p); p++)
                        ;
                strbuf_append(b, s, (size_t) (p - s));
                if (*p == '\0')
                        break;
                put_escaped(b, (unsigned char) *p);
                s = p + 1;
        }
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
