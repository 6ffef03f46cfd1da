/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The one table from a negative errno to what the edges make of it. */

#include "basic/forward.h"

typedef struct Reason {
        int code;             /* negative errno */
        unsigned http_status;
        const char *title;    /* for people */
        const char *token;    /* for programs, one word */
} Reason;

/* Never NULL: codes that are not in the table are internal errors. */
const Reason *reason_from_code(int code);
unsigned reason_http_status(int code);
