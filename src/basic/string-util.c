/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/string-util.h"

/* Length of the UTF-8 sequence that begins with c, 0 when c cannot begin one. */
static unsigned utf8_length(unsigned char c) {
        return c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

bool utf8_is_valid(const char *s, size_t size) {
        const unsigned char *p = (const unsigned char*) s, *end = p + size;

        while (p < end) {
                unsigned n = utf8_length(*p);

                if (n == 0 || (size_t) (end - p) < n)
                        return false;
                for (unsigned i = 1; i < n; i++)
                        if ((p[i] & 0xc0) != 0x80)
                                return false;
                if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) || (*p == 0xf0 && p[1] < 0x90) ||
                    (*p == 0xf4 && p[1] > 0x8f))
                        return false;
                p += n;
        }
        return true;
}

char *strstrip(char *s) {
        static const char white[] = " \t\r\n";
        size_t n;

        assert(s);
        s += strspn(s, white);
        n = strlen(s);
        while (n > 0 && strchr(white, s[n - 1]))
                n--;
        s[n] = '\0';
        return s;
}

bool memeq_constant_time(const void *a, size_t na, const void *b, size_t nb) {
        const unsigned char *x = a, *y = b;
        unsigned diff = na != nb;

        for (size_t i = 0; i < na && nb > 0; i++)
                diff |= (unsigned) (x[i] ^ y[i % nb]);
        return diff == 0;
}
