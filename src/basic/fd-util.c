/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/fd-util.h"

#include <fcntl.h>
#include <unistd.h>

#include "basic/alloc-util.h"

int safe_close(int fd) {
        if (fd >= 0) {
                int saved = errno;

                (void) close(fd);
                errno = saved;
        }
        return -EBADF;
}

int read_file(const char *path, size_t max, char **ret, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *data = NULL;
        size_t size = 0, allocated = 0;
        ssize_t n;

        assert(path);
        assert(ret);

        fd = RET_ERRNO(open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY));
        if (fd < 0)
                return fd;
        for (;;) {
                if (!GREEDY_REALLOC(data, allocated, size + 4096 + 1))
                        return -ENOMEM;
                n = RET_ERRNO(read(fd, data + size, 4096));
                if (n == -EINTR)
                        continue;
                if (n < 0)
                        return (int) n;
                if (n == 0)
                        break;
                size += (size_t) n;
                if (size > max)
                        return -EFBIG;
        }
        data[size] = '\0';
        *ret = TAKE_PTR(data);
        if (ret_size)
                *ret_size = size;
        return 0;
}
