/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimctl/wait.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "basic/string-util.h"

#define STEP_USEC (100 * USEC_PER_MSEC)

static void pause_a_step(void) {
        struct timespec ts = { .tv_nsec = (long) STEP_USEC * 1000 };

        (void) nanosleep(&ts, NULL);
}

static void show_progress(const Ctl *ctl, const WaitFor *w, const char *now) {
        if (!ctl->quiet && isatty(STDERR_FILENO))
                (void) fprintf(stderr, "\r\033[K%s: %s, waiting for %s...", w->id, now, w->value ?: "it to be gone");
}

static void end_progress(const Ctl *ctl) {
        if (!ctl->quiet && isatty(STDERR_FILENO))
                (void) fputs("\r\033[K", stderr);
}

int ctl_wait(const Ctl *ctl, const WaitFor *w) {
        usec_t deadline = usec_add(now_monotonic(), ctl->wait_usec);
        char path[512];

        (void) snprintf(path, sizeof(path), "/%s/%s", w->kind, w->id);
        for (;;) {
                _cleanup_answer_ Answer a = ANSWER_INIT;
                const char *now;
                int r;

                r = ctl_request(ctl, "GET", path, NULL, &a);
                if (r != 0)
                        return r;
                now = a.status == 404 ? "gone" : member_string(a.body, w->member);
                if (w->value ? streq(now, w->value) : a.status == 404) {
                        end_progress(ctl);
                        return CTL_OK;
                }
                if (now_monotonic() >= deadline) {
                        end_progress(ctl);
                        return ctl_error(CTL_TIMED_OUT, "%s is still %s; gave up waiting for %s", w->id, now, w->value ?: "it to be gone");
                }
                show_progress(ctl, w, now);
                pause_a_step();
        }
}
