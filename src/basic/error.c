/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_printf_(3, 0) static int error_setv(Error *e, int code, const char *format, va_list ap) {
        assert(code < 0);

        if (!e || e->code != 0)
                return code;

        e->code = code;
        if (vasprintf(&e->message, format, ap) < 0)
                e->message = NULL;
        return code;
}

int error_set(Error *e, int code, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        error_setv(e, code, format, ap);
        va_end(ap);
        return code;
}

int error_set_field(Error *e, int code, const char *field, const char *value, const char *format, ...) {
        va_list ap;

        if (e && e->code == 0) {
                e->field = field ? strdup(field) : NULL;
                e->value = value ? strdup(value) : NULL;
        }

        va_start(ap, format);
        error_setv(e, code, format, ap);
        va_end(ap);
        return code;
}

int error_prefix(Error *e, const char *format, ...) {
        _cleanup_free_ char *prefix = NULL;
        char *joined;
        va_list ap;
        int r;

        if (!e || e->code == 0)
                return 0;

        va_start(ap, format);
        r = vasprintf(&prefix, format, ap);
        va_end(ap);
        if (r < 0) {
                prefix = NULL;
                return e->code;
        }

        if (asprintf(&joined, "%s: %s", prefix, error_message(e)) >= 0) {
                free(e->message);
                e->message = joined;
        }
        return e->code;
}

const char *error_message(const Error *e) {
        assert(e);
        return e->message ?: strerror(-e->code);
}

void error_done(Error *e) {
        assert(e);
        free(e->message);
        free(e->field);
        free(e->value);
        *e = ERROR_NULL;
}
