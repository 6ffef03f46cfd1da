/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* File descriptors and small files. */

#include "basic/macro.h"

/* Closes fd when it is one (errno kept) and gives -EBADF, for "fd = safe_close(fd)". */
int safe_close(int fd);
static inline void safe_closep(int *fd) {
        safe_close(*fd);
}
#define _cleanup_close_ _cleanup_(safe_closep)

/* Reads a whole file of at most `max` bytes: *ret is owned and NUL-terminated. -EFBIG when it is larger. */
int read_file(const char *path, size_t max, char **ret, size_t *ret_size);
