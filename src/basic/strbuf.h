/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A growing text buffer with a maximum, for building replies. A failed append (no memory, over the maximum)
 * is remembered, so that a whole text is built without checks and judged once by strbuf_error(). */

#include <stdarg.h>
#include <string.h>

#include "basic/macro.h"

struct StrBuf {
        char *data; /* owned; NUL-terminated when not NULL */
        size_t size;
        size_t allocated;
        size_t max;
        int error; /* 0, -ENOMEM or -E2BIG */
};

#define STRBUF_INIT(m) ((StrBuf) { .max = (m) })

void strbuf_done(StrBuf *b);
/* Empties b, forgets its error, keeps its memory. */
void strbuf_clear(StrBuf *b);
/* 0, or the negative errno of the first append that failed. */
static inline int strbuf_error(const StrBuf *b) {
        return b->error;
}
/* What is built is not all there, for a reason of the caller's: remembered like an append that failed. 0 is none. */
static inline void strbuf_fail(StrBuf *b, int error) {
        b->error = b->error ?: error;
}
/* Makes sure that `more` bytes can be appended; returns where they go, or NULL (error remembered). The caller
 * writes them and adds to b->size; the NUL is put back by the next append or strbuf_str(). */
char *strbuf_reserve(StrBuf *b, size_t more);
void strbuf_append(StrBuf *b, const char *data, size_t size);
static inline void strbuf_puts(StrBuf *b, const char *s) {
        strbuf_append(b, s, strlen(s)); /* which the compiler knows of most */
}
static inline void strbuf_putc(StrBuf *b, char c) {
        if (b->error == 0 && b->size + 1 < b->allocated && b->size < b->max)
                b->data[b->size++] = c;
        else
                strbuf_append(b, &c, 1);
}
void strbuf_printf(StrBuf *b, const char *format, ...) _printf_(2, 3);
void strbuf_put_u64(StrBuf *b, uint64_t v);
void strbuf_put_i64(StrBuf *b, int64_t v);
/* The text so far, never NULL. Borrowed. */
const char *strbuf_str(StrBuf *b);
/* snprintf() of a text that most often fits, and at what strbuf_printf() costs. Gives buf, with as much as there is room for. */
char *buf_printf(char *buf, size_t size, const char *format, ...) _printf_(3, 4);
char *buf_vprintf(char *buf, size_t size, const char *format, va_list ap) _printf_(3, 0);
/* Gives the text away (free() it) with its size; b is empty after. NULL when an append had failed. */
char *strbuf_steal(StrBuf *b, size_t *ret_size);

#define _cleanup_strbuf_ _cleanup_(strbuf_done)
