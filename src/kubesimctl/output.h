/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How nodes, pods and times look on a terminal. */

#include "kubesimctl/ctl.h"
#include "shared/table.h"

/* Prints text that may be long: through the pager when there is a terminal. */
void output_long(const Ctl *ctl, StrBuf *b);
/* Prints an answer as --json= asks for. */
int output_json(const Ctl *ctl, json_object *o);
/* Tables of {"ID": {...}, ...}; `now` is realtime. */
int table_of_nodes(json_object *nodes, usec_t now, Table **ret);
int table_of_pods(json_object *pods, usec_t now, Table **ret);
/* "3s ago", "just now", "-" for an RFC 3339 time. Returns buf. */
char *format_ago(char *buf, size_t size, const char *rfc3339, usec_t now);
Colour colour_of_status(const char *status);
/* "Adding nodes:  37% (37000 of 100000)" that is drawn over itself; on a terminal only, and when there is more to do than `short_work`. */
void output_progress(const Ctl *ctl, const char *what, uint64_t n, uint64_t all, uint64_t short_work);
