/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Logging of the programs: to the journal with fields when stderr is the journal's stream, else a coloured line
 * to stderr. Core and shared code does not log; managers, handlers and main do, once per failure. */

#include <syslog.h>

#include "basic/macro.h"

/* One field of a journal entry: "KUBESIM_NODE", "node1". A NULL value leaves it out. */
typedef struct LogField {
        const char *name;
        const char *value;
} LogField;

/* Chooses where to log and reads SYSTEMD_LOG_LEVEL. Call first in main; until then warnings go to stderr. */
void log_open(const char *program);
/* Messages above this syslog level (LOG_DEBUG is the highest) are dropped before they are formatted. */
void log_set_max_level(int level);
int log_get_max_level(void);
/* "debug", "info", "notice", "warning", "err": the level, or -EINVAL. */
int log_level_from_string(const char *s);
const char *log_level_to_string(int level);

/* Logs one line. `error` is a negative errno that %m will name, or 0. Returns `error`. errno is kept. */
int log_full(int level, int error, const char *file, int line, const char *func, const char *format, ...)
        _printf_(6, 7);
/* Logs one line with a message ID (32 hex digits, may be NULL) and fields that end with a NULL name. */
void log_struct(int level, const char *message_id, const LogField *fields, const char *format, ...) _printf_(4, 5);

#define log_full_errno(level, error, ...)                                                                    \
        ({                                                                                                   \
                int _level = (level), _error = (error);                                                      \
                _level <= log_get_max_level() ?                                                              \
                        log_full(_level, _error, __FILE__, __LINE__, __func__, __VA_ARGS__) : _error;        \
        })
#define log_debug(...) (void) log_full_errno(LOG_DEBUG, 0, __VA_ARGS__)
#define log_info(...) (void) log_full_errno(LOG_INFO, 0, __VA_ARGS__)
#define log_notice(...) (void) log_full_errno(LOG_NOTICE, 0, __VA_ARGS__)
#define log_warning(...) (void) log_full_errno(LOG_WARNING, 0, __VA_ARGS__)
#define log_error(...) (void) log_full_errno(LOG_ERR, 0, __VA_ARGS__)
#define log_debug_errno(e, ...) log_full_errno(LOG_DEBUG, e, __VA_ARGS__)
#define log_warning_errno(e, ...) log_full_errno(LOG_WARNING, e, __VA_ARGS__)
#define log_error_errno(e, ...) log_full_errno(LOG_ERR, e, __VA_ARGS__)
#define log_oom() log_error_errno(-ENOMEM, "Out of memory")
