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

bool base64_is_valid(const char *s) {
        size_t n = strlen(s), padding = 0;

        if (n % 4 != 0)
                return false;
        for (size_t i = 0; i < n; i++) {
                if (s[i] == '=' && i + 2 >= n)
                        padding++;
                else if (padding > 0 || !strchr(letters, s[i]))
                        return false;
        }
        return padding <= 2;
}
