/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What went wrong, for a person: created where the cause is known, prefixed on the way up, shown once at
 * the edge. Programs act on the negative errno; core/model/reason.h maps that to HTTP and exit codes. */

#include "basic/macro.h"

struct Error {
        int code;      /* negative errno; 0 = no error set */
        char *message; /* owned; a sentence without final stop */
        char *field;   /* owned, may be NULL: the input field at fault, e.g. "cpuRequired" */
        char *value;   /* owned, may be NULL: the value that was given */
};

#define ERROR_NULL ((Error) {})

/* Sets *e (which may be NULL: then nothing is kept) and returns `code`, so that a caller can write
 * "return error_set(reterr, -ENOENT, ...)". The first error set wins. `code` must be negative. */
int error_set(Error *e, int code, const char *format, ...) _printf_(3, 4);

/* The same for a wrong input field. field and value are copied; value may be NULL. */
int error_set_field(Error *e, int code, const char *field, const char *value, const char *format, ...)
        _printf_(5, 6);

/* Puts "PREFIX: " before the message, when one is set. Returns e's code. */
int error_prefix(Error *e, const char *format, ...) _printf_(2, 3);

/* The message, or strerror of the code when there was no memory for one. Never NULL. Borrowed from e. */
const char *error_message(const Error *e);

/* Frees what e owns and makes it ERROR_NULL again. */
void error_done(Error *e);

#define _cleanup_error_ _cleanup_(error_done)
