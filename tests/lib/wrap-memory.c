/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/wrap-memory.h"

#include <stdlib.h>
#include <string.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

void *__wrap_malloc(size_t size) {
        return allocation_fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return allocation_fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
        return allocation_fails() ? NULL : __real_realloc(p, size);
}

char *__wrap_strndup(const char *s, size_t n) {
        size_t size = strnlen(s, n);
        char *copy = __wrap_malloc(size + 1);

        if (!copy)
                return NULL;
        memcpy(copy, s, size);
        copy[size] = '\0';
        return copy;
}

char *__wrap_strdup(const char *s) {
        return __wrap_strndup(s, strlen(s));
}
