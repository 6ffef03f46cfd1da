/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/strbuf.h"

#include <stdio.h>
#include <string.h>

#include "basic/alloc-util.h"

#define FIRST_SIZE ((size_t) 256) /* most texts are no longer: they are not moved while they grow */

void strbuf_done(StrBuf *b) {
        assert(b);
        free(b->data);
        *b = STRBUF_INIT(b->max);
}

void strbuf_clear(StrBuf *b) {
        assert(b);
        b->size = 0;
        b->error = 0;
}

char *strbuf_reserve(StrBuf *b, size_t more) {
        assert(b);

        if (b->error)
                return NULL;
        if (more > b->max || b->size > b->max - more) {
                b->error = -E2BIG;
                return NULL;
        }
        if (b->allocated <= b->size + more && !GREEDY_REALLOC(b->data, b->allocated, MAX(b->size + more + 1, FIRST_SIZE))) {
                b->error = -ENOMEM;
                return NULL;
        }
        return b->data + b->size;
}

void strbuf_append(StrBuf *b, const char *data, size_t size) {
        bool fits = size < b->allocated - b->size && size <= b->max - b->size && b->error == 0; /* most often, without looking further */

        if (size == 0 || (!fits && !strbuf_reserve(b, size)))
                return;
        memcpy(b->data + b->size, data, size);
        b->size += size;
}

/* Of long long and size_t, whose letters after the '%' begin with l and z. False: it is another conversion. */
static bool put_long(StrBuf *b, const char **p, va_list *ap) {
        if (strncmp(*p, "zu", 2) == 0)
                strbuf_put_u64(b, va_arg(*ap, size_t));
        else if (strncmp(*p, "llu", 3) == 0)
                strbuf_put_u64(b, va_arg(*ap, unsigned long long));
        else if (strncmp(*p, "lld", 3) == 0)
                strbuf_put_i64(b, va_arg(*ap, long long));
        else
                return false;
        *p += **p == 'z' ? 2 : 3;
        return true;
}

static void put_word(StrBuf *b, const char *s) {
        strbuf_puts(b, s ?: "(null)");
}

/* Formats with plain conversions. False at the first one that is none, with what is before it appended. */
static bool put_plain(StrBuf *b, const char *format, va_list *ap) {
        for (const char *p; (p = strchr(format, '%')); format = p) {
                strbuf_append(b, format, (size_t) (p - format));
                switch (*++p) {
                case 's':
                        put_word(b, va_arg(*ap, const char*));
                        break;
                case 'c':
                        strbuf_putc(b, (char) va_arg(*ap, int));
                        break;
                case 'd':
                        strbuf_put_i64(b, va_arg(*ap, int));
                        break;
                case 'u':
                        strbuf_put_u64(b, va_arg(*ap, unsigned));
                        break;
                case 'l':
                case 'z':
                        if (!put_long(b, &p, ap))
                                return false;
                        continue;
                default:
                        return false;
                }
                p++;
        }
        strbuf_puts(b, format);
        return true;
}

static void put_formatted(StrBuf *b, const char *format, va_list ap) _printf_(2, 0);

static void put_formatted(StrBuf *b, const char *format, va_list ap) {
        size_t room = b->allocated - b->size; /* with that of the NUL */
        va_list again;
        char *p;
        int n;

        /* Into what there is: mostly it fits, and is not formatted twice. */
        va_copy(again, ap);
        n = vsnprintf(room > 0 ? b->data + b->size : NULL, room, format, ap);
        p = n >= 0 ? strbuf_reserve(b, (size_t) n) : NULL;
        if (p && (size_t) n >= room)
                (void) vsnprintf(p, (size_t) n + 1, format, again);
        va_end(again);
        if (p)
                b->size += (size_t) n;
        else
                strbuf_fail(b, -EINVAL);
}

/* Objects are full of small formatted pieces, for each of which vsnprintf() would take a thousand instructions. */
void strbuf_printf(StrBuf *b, const char *format, ...) {
        size_t before = b->size;
        va_list ap;
        bool done;

        if (b->error)
                return;
        va_start(ap, format);
        done = put_plain(b, format, &ap);
        va_end(ap);
        if (done)
                return;
        b->size = before;
        va_start(ap, format);
        put_formatted(b, format, ap);
        va_end(ap);
}

char *buf_vprintf(char *buf, size_t size, const char *format, va_list ap) {
        StrBuf b = { .data = buf, .allocated = size, .max = size - 1 };
        va_list again, plain;
        bool done;

        assert(size > 0);

        va_copy(plain, ap); /* whose address can be taken, unlike that of a parameter */
        va_copy(again, ap);
        done = put_plain(&b, format, &plain) && b.error == 0;
        if (done)
                buf[b.size] = '\0';
        else
                (void) vsnprintf(buf, size, format, again);
        va_end(again);
        va_end(plain);
        return buf;
}

char *buf_printf(char *buf, size_t size, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) buf_vprintf(buf, size, format, ap);
        va_end(ap);
        return buf;
}

void strbuf_put_u64(StrBuf *b, uint64_t v) {
        char digits[20];
        size_t i = sizeof(digits);

        do
                digits[--i] = (char) ('0' + v % 10);
        while ((v /= 10) > 0);
        strbuf_append(b, digits + i, sizeof(digits) - i);
}

void strbuf_put_i64(StrBuf *b, int64_t v) {
        if (v < 0)
                strbuf_putc(b, '-');
        strbuf_put_u64(b, v < 0 ? -(uint64_t) v : (uint64_t) v);
}

const char *strbuf_str(StrBuf *b) {
        assert(b);
        if (!b->data)
                return "";
        b->data[b->size] = '\0';
        return b->data;
}

char *strbuf_steal(StrBuf *b, size_t *ret_size) {
        char *p;

        assert(b);

        if (b->error)
                return NULL;
        if (!b->data && !strbuf_reserve(b, 0))
                return NULL;

        b->data[b->size] = '\0';
        if (ret_size)
                *ret_size = b->size;
        p = TAKE_PTR(b->data);
        b->size = b->allocated = 0;
        return p;
}
