/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The few macros that the whole tree uses. */

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "basic/forward.h"

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _pure_ __attribute__((pure))
#define _fallthrough_ __attribute__((fallthrough))

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define MIN(a, b) ({ typeof(a) _a = (a); typeof(b) _b = (b); _a < _b ? _a : _b; })
#define MAX(a, b) ({ typeof(a) _a = (a); typeof(b) _b = (b); _a > _b ? _a : _b; })
#define CMP(a, b) ({ typeof(a) _a = (a); typeof(b) _b = (b); _a < _b ? -1 : _a > _b ? 1 : 0; })
#define container_of(ptr, type, member) ((type*) ((char*) (ptr) - offsetof(type, member)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Hands the value of a _cleanup_ variable to somebody else: gives it back and clears the variable. */
#define TAKE_PTR(p) ({ typeof(p) _p = (p); (p) = NULL; _p; })
#define TAKE_FD(fd) ({ int _fd = (fd); (fd) = -EBADF; _fd; })

/* Defines func##p() for use with _cleanup_(). */
#define DEFINE_CLEANUP(type, func)                                                                           \
        static inline _unused_ void func##p(type *p) {                                                       \
                if (*p)                                                                                      \
                        func(*p);                                                                            \
        }

/* libc's -1 and errno as a negative errno, on the line of the call. */
#define RET_ERRNO(expr) ({ typeof(expr) _r = (expr); _r < 0 ? (typeof(expr)) -errno : _r; })

static inline void free_many_p(void *p) {
        free(*(void**) p);
}
#define _cleanup_free_ _cleanup_(free_many_p)

#define KIB ((size_t) 1024)
#define MIB ((size_t) 1024 * KIB)
