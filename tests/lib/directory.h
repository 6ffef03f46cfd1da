/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdio.h>
#include <stdlib.h>

#define TEST_DIRECTORY_MAX 256

/* A new directory where temporary files are to be ($TMPDIR); gives buf, or NULL when there is none. Who has made it removes it. */
static inline char *make_test_directory(char buf[TEST_DIRECTORY_MAX]) {
        (void) snprintf(buf, TEST_DIRECTORY_MAX, "%s/kubesim-test-XXXXXX", getenv("TMPDIR") ?: P_tmpdir);
        return mkdtemp(buf);
}
