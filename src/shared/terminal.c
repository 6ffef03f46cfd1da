/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/terminal.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

static pid_t pager_pid;

static bool decide_colours(void) {
        const char *e = getenv("SYSTEMD_COLORS"), *term = getenv("TERM");
        bool b;

        if (e)
                return parse_bool(e, &b) < 0 || b; /* "16" and "256" mean yes */
        if (!isempty(getenv("NO_COLOR")))
                return false;
        return (isatty(STDOUT_FILENO) || pager_pid > 0) && term && !streq(term, "dumb");
}

bool colours_on(void) {
        static int on = -1;

        if (on < 0)
                on = decide_colours();
        return on;
}

const char *colour(Colour c) {
        static const char *const sequences[_COLOUR_MAX] = {
                [COLOUR_NONE] = "",           [COLOUR_GOOD] = "\033[32m", [COLOUR_WARN] = "\033[33m", [COLOUR_BAD] = "\033[31m",
                [COLOUR_HEAD] = "\033[4m",    [COLOUR_DIM] = "\033[90m",  [COLOUR_BOLD] = "\033[1m",
        };

        return colours_on() ? sequences[c] : "";
}

const char *colour_off(void) {
        return colours_on() ? "\033[0m" : "";
}

static unsigned terminal_size(bool columns) {
        const char *e = getenv(columns ? "COLUMNS" : "LINES");
        struct winsize ws = {};
        uint64_t n;

        if (e && parse_u64_range(e, 10, 10000, &n) >= 0)
                return (unsigned) n;
        (void) ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws);
        n = columns ? ws.ws_col : ws.ws_row;
        return n > 0 ? (unsigned) n : columns ? 80 : 24;
}

unsigned terminal_columns(void) {
        return terminal_size(true);
}

unsigned terminal_lines(void) {
        return terminal_size(false);
}

static void run_pager(int fd) {
        const char *pager = getenv("SYSTEMD_PAGER") ?: getenv("PAGER") ?: "less";

        (void) dup2(fd, STDIN_FILENO);
        (void) setenv("LESS", "FRSXMK", 0);
        (void) setenv("LESSCHARSET", "utf-8", 0);
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void) execlp("/bin/sh", "sh", "-c", pager, NULL);
        _exit(127);
}

void pager_open(void) {
        const char *pager = getenv("SYSTEMD_PAGER") ?: getenv("PAGER");
        int fds[2];

        if (pager_pid > 0 || !isatty(STDOUT_FILENO) || (pager && (isempty(pager) || streq(pager, "cat"))))
                return;
        (void) colours_on(); /* decided by the terminal, not by the pipe to come */
        if (pipe(fds) < 0)
                return;
        (void) fflush(stdout);
        pager_pid = fork();
        if (pager_pid == 0) {
                safe_close(fds[1]);
                run_pager(fds[0]);
        }
        safe_close(fds[0]);
        if (pager_pid > 0)
                (void) dup2(fds[1], STDOUT_FILENO);
        safe_close(fds[1]);
        (void) signal(SIGPIPE, SIG_DFL);
}

void pager_close(void) {
        if (pager_pid <= 0)
                return;
        (void) fflush(stdout);
        (void) fclose(stdout);
        (void) waitpid(pager_pid, NULL, 0);
        pager_pid = 0;
}
