/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/memory.h"

#include "tests/lib/wrap-memory.h"

static unsigned until, then;
static bool failed;
static unsigned long n_failed;

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

bool allocation_fails(void) {
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
