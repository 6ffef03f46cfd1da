/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/base64.h"

#include <string.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(StrBuf *b, const void *data, size_t size) {
        const uint8_t *p = data;

        for (size_t i = 0; i < size; i += 3) {
                size_t n = MIN(size - i, (size_t) 3);
                uint32_t v = (uint32_t) p[i] << 16 | (n > 1 ? (uint32_t) p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);

                strbuf_putc(b, letters[v >> 18]);
                strbuf_putc(b, letters[v >> 12 & 63]);
                strbuf_putc(b, n > 1 ? letters[v >> 6 & 63] : '=');
                strbuf_putc(b, n > 2 ? letters[v & 63] : '=');
        }
}

static size_t skip_newlines(const char *s, size_t size, size_t i) {
        while (i < size && (s[i] == '\n' || s[i] == '\r'))
                i++;
        return i;
}

/* What has to stand where padding begins, after so many letters of four. */
static size_t find_error_in_padding(const char *s, size_t size, size_t i, unsigned letters_before) {
        if (letters_before < 2)
                return i;
        i = skip_newlines(s, size, i + 1);
        if (letters_before == 2) {
                if (i == size)
                        return size;
                if (s[i] != '=')
                        return i - 1;
                i = skip_newlines(s, size, i + 1);
        }
        return i == size ? SIZE_MAX : i;
}

size_t base64_find_error(const char *s, size_t size) {
        unsigned n = 0; /* letters of the present four */

        for (size_t i = 0; (i = skip_newlines(s, size, i)) < size; i++) {
                if (s[i] == '=')
                        return find_error_in_padding(s, size, i, n);
                if (s[i] == '\0' || !strchr(letters, s[i]))
                        return i;
                n = (n + 1) % 4;
        }
        return n == 0 ? SIZE_MAX : size - n;
}

void base64url_put(StrBuf *b, const void *data, size_t size) {
        size_t begin = b->size;

        base64_put(b, data, size);
        if (b->error < 0)
                return;
        while (b->size > begin && b->data[b->size - 1] == '=')
                b->size--;
        for (size_t i = begin; i < b->size; i++)
                b->data[i] = b->data[i] == '+' ? '-' : b->data[i] == '/' ? '_' : b->data[i];
}

/* The six bits of a letter, or -1. */
static int value_of(char c) {
        const char *p;

        if (c == '-' || c == '_')
                return c == '-' ? 62 : 63;
        if (c == '\0' || c == '+' || c == '/')
                return -1;
        p = strchr(letters, c);
        return p ? (int) (p - letters) : -1;
}

int base64url_read(StrBuf *b, const char *text, size_t size) {
        uint32_t bits = 0;
        unsigned n = 0;

        if (size % 4 == 1)
                return -EBADMSG;
        for (size_t i = 0; i < size; i++) {
                int v = value_of(text[i]);

                if (v < 0)
                        return -EBADMSG;
                bits = (bits << 6 | (uint32_t) v) & 0xffff;
                n += 6;
                if (n >= 8) {
                        n -= 8;
                        strbuf_putc(b, (char) (bits >> n & 255));
                }
        }
        return (bits & ((1U << n) - 1)) == 0 ? 0 : -EBADMSG; /* another text would mean the same */
}
