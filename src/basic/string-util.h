/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Small questions about strings. */

#include <string.h>

#include "basic/macro.h"

static inline bool streq(const char *a, const char *b) {
        return *a == *b && strcmp(a, b) == 0; /* most that are looked through differ in their first letter */
}
static inline bool streq_ptr(const char *a, const char *b) {
        return a == b || (a && b && streq(a, b));
}
static inline bool isempty(const char *s) {
        return !s || s[0] == '\0';
}
static inline const char *strempty(const char *s) {
        return s ?: "";
}
/* What follows the prefix in s, or NULL when s does not begin with it. Borrowed from s. */
static inline const char *startswith(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}
static inline bool endswith(const char *s, const char *suffix) {
        size_t n = strlen(s), m = strlen(suffix);

        return n >= m && strcmp(s + n - m, suffix) == 0;
}
/* Is it UTF-8 as RFC 3629 has it (no surrogates, no overlong forms)? */
bool utf8_is_valid(const char *s, size_t size);
/* Cuts white space (space, tab, CR, LF) from both ends, in place. Returns the new beginning. */
char *strstrip(char *s);
/* Compares in time that depends only on the lengths: for secrets. */
bool memeq_constant_time(const void *a, size_t na, const void *b, size_t nb);
