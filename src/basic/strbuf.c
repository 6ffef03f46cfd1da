/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "basic/alloc-util.h"

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
        if (b->allocated <= b->size + more && !GREEDY_REALLOC(b->data, b->allocated, b->size + more + 1)) {
                b->error = -ENOMEM;
                return NULL;
        }
        return b->data + b->size;
}

void strbuf_append(StrBuf *b, const char *data, size_t size) {
        char *p;

        p = strbuf_reserve(b, size);
        if (!p || size == 0)
                return;
        memcpy(p, data, size);
        b->size += size;
}

void strbuf_printf(StrBuf *b, const char *format, ...) {
        size_t room = b->allocated - b->size; /* with that of the NUL */
        va_list ap;
        char *p;
        int n;

        assert(b);

        if (b->error)
                return;
        /* Into what there is: mostly it fits, and is not formatted twice. */
        va_start(ap, format);
        n = vsnprintf(room > 0 ? b->data + b->size : NULL, room, format, ap);
        va_end(ap);
        if (n < 0) {
                b->error = -EINVAL;
                return;
        }

        p = strbuf_reserve(b, (size_t) n);
        if (!p)
                return;
        if ((size_t) n >= room) {
                va_start(ap, format);
                (void) vsnprintf(p, (size_t) n + 1, format, ap);
                va_end(ap);
        }
        b->size += (size_t) n;
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
