/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What kubesim does with each kind and field of the Kubernetes API, as a table (support.tsv, which explains its columns). It is read
 * when it is first asked for. */

#include "basic/strbuf.h"

typedef struct Support {
        const char *message, *field;
        const char *mark;  /* "alive", "made", "checked", "kept", "dropped", "refused" */
        const char *test;  /* that shows it, or "-" */
        const char *words; /* "" when there is no more to say */
} Support;

/* The line of that field of that message, or of all of them. Never NULL: what has no line is kept. */
const Support *support_of_field(const char *message, const char *field);
/* The line of that kind, by the message of its objects, which may be NULL. */
const Support *support_of_kind(const char *message);
/* Appends ',"description":"Simulated: ...","x-kubesim":"alive"'. */
void support_put(const Support *s, StrBuf *b);
