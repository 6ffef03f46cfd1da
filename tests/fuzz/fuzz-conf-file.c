/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever stands in a configuration file: it is taken, or refused with a message. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "basic/error.h"
#include "kubesimd/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static char path[64];
        _cleanup_(config_done) Config config = {};
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        int fd, r;

        if (!path[0])
                (void) snprintf(path, sizeof(path), "/tmp/fuzz-conf-file.%d", (int) getpid());
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
                return 0;
        r = write(fd, data, size) == (ssize_t) size ? config_load("", path, NULL, NULL, &config, &error) : -1;
        (void) close(fd);
        (void) unlink(path);
        if (r >= 0)
                config_dump(&config, &b);
        else
                assert(error.message || error.code == 0);
        return 0;
}
