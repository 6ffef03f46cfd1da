/* SPDX-License-Identifier: Apache-2.0 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "basic/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define FIELDS_MAX 16
#define LINE_MAX_BYTES 2048
#define FIELD_MAX_BYTES 512

static struct {
        const char *program;
        int max_level;
        bool journal;
        bool colour;
} log_state = { .max_level = LOG_WARNING };

static const char *const level_names[] = {
        [LOG_EMERG] = "emerg",     [LOG_ALERT] = "alert",   [LOG_CRIT] = "crit", [LOG_ERR] = "err",
        [LOG_WARNING] = "warning", [LOG_NOTICE] = "notice", [LOG_INFO] = "info", [LOG_DEBUG] = "debug",
};

int log_level_from_string(const char *s) {
        for (size_t i = 0; i < ELEMENTSOF(level_names); i++)
                if (strcasecmp(s, level_names[i]) == 0)
                        return (int) i;
        return -EINVAL;
}

const char *log_level_to_string(int level) {
        return level >= 0 && (size_t) level < ELEMENTSOF(level_names) ? level_names[level] : "unknown";
}

/* Is stderr connected to the journal? $JOURNAL_STREAM alone is inherited by children whose stderr is not
 * (systemd.exec(5)), so it must name this very file. */
static bool stderr_is_journal(void) {
        const char *e = getenv("JOURNAL_STREAM");
        unsigned long long dev, ino;
        struct stat st;

        return e && sscanf(e, "%llu:%llu", &dev, &ino) == 2 && fstat(STDERR_FILENO, &st) >= 0 &&
               (unsigned long long) st.st_dev == dev && (unsigned long long) st.st_ino == ino;
}

static bool want_colour(void) {
        const char *e = getenv("SYSTEMD_COLORS"), *term = getenv("TERM");

        if (e)
                return strcmp(e, "0") != 0 && strcasecmp(e, "no") != 0 && strcasecmp(e, "false") != 0;
        e = getenv("NO_COLOR");
        return !(e && *e) && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

void log_open(const char *program) {
        const char *e = getenv("SYSTEMD_LOG_LEVEL");
        int level = e ? log_level_from_string(e) : -EINVAL;

        log_state.program = program;
        log_state.max_level = level >= 0 ? level : LOG_INFO;
        log_state.journal = stderr_is_journal();
        log_state.colour = want_colour();
}

void log_set_max_level(int level) {
        log_state.max_level = level;
}

int log_get_max_level(void) {
        return log_state.max_level;
}

static void log_to_console(int level, const char *message) {
        const char *on = "", *off = "";

        if (log_state.colour && level <= LOG_NOTICE) {
                on = level <= LOG_ERR ? "\033[31m" : level == LOG_WARNING ? "\033[33m" : "\033[1m";
                off = "\033[0m";
        }
        dprintf(STDERR_FILENO, "%s%s%s%s%s\n", log_state.program ?: "", log_state.program ? ": " : "", on, message, off);
}

/* Hands one entry to the journal: the message, the priority and the fields; too many fields are cut. */
static void log_to_journal(int level, const char *message, const LogField *fields) {
        char text[FIELDS_MAX][FIELD_MAX_BYTES], first[LINE_MAX_BYTES + 8], priority[16];
        struct iovec iov[FIELDS_MAX + 2];
        int n = 0;

        (void) snprintf(first, sizeof(first), "MESSAGE=%s", message);
        (void) snprintf(priority, sizeof(priority), "PRIORITY=%d", level);
        iov[n++] = (struct iovec) { first, strlen(first) };
        iov[n++] = (struct iovec) { priority, strlen(priority) };
        for (size_t i = 0; fields && fields[i].name && n < FIELDS_MAX + 2; i++) {
                if (!fields[i].value)
                        continue;
                (void) snprintf(text[n - 2], FIELD_MAX_BYTES, "%s=%s", fields[i].name, fields[i].value);
                iov[n] = (struct iovec) { text[n - 2], strlen(text[n - 2]) };
                n++;
        }
        (void) sd_journal_sendv(iov, n);
}

int log_full(int level, int error, const char *file, int line, const char *func, const char *format, ...) {
        char message[LINE_MAX_BYTES], where[16], number[16];
        int saved = errno;
        va_list ap;

        errno = -error;
        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);

        (void) snprintf(where, sizeof(where), "%d", line);
        (void) snprintf(number, sizeof(number), "%d", -error);
        if (log_state.journal)
                log_to_journal(level, message, (LogField[]) { { "CODE_FILE", file }, { "CODE_LINE", where },
                                                              { "CODE_FUNC", func },
                                                              { "ERRNO", error < 0 ? number : NULL }, {} });
        else
                log_to_console(level, message);
        errno = saved;
        return error;
}

void log_struct(int level, const char *message_id, const LogField *fields, const char *format, ...) {
        char message[LINE_MAX_BYTES];
        LogField all[FIELDS_MAX] = {};
        int saved = errno;
        size_t n = 0;
        va_list ap;

        if (level > log_state.max_level)
                return;
        va_start(ap, format);
        (void) vsnprintf(message, sizeof(message), format, ap);
        va_end(ap);

        all[n++] = (LogField) { "MESSAGE_ID", message_id };
        for (size_t i = 0; fields && fields[i].name && n < FIELDS_MAX - 1; i++)
                all[n++] = fields[i];
        if (log_state.journal)
                log_to_journal(level, message, all);
        else
                log_to_console(level, message);
        errno = saved;
}
