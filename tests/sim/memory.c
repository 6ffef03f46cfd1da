/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/memory.h"

#include <stdlib.h>
#include <string.h>

static unsigned until, then;
static bool failed;
static unsigned long n_failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t n);

void memory_fail(unsigned nth, unsigned more) {
        until = nth;
        then = more;
        failed = false;
}

bool memory_failed(void) {
        return failed;
}

unsigned long memory_n_failed(void) {
        return n_failed;
}

static bool fails(void) {
        if (until == 0 || --until > 0)
                return false;
        if (then > 0) {
                then--;
                until = 1;
        }
        failed = true;
        n_failed++;
        return true;
}

void *__wrap_malloc(size_t size) {
        return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size) {
        return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size) {
        return fails() ? NULL : __real_realloc(p, size);
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
