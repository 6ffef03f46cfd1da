/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Strings that several objects share: the name of a node stands in each of its pods, that of an object in each of its versions.
 * Immutable and counted like objects; what is handed around is the text itself, ended by NUL. */

#include "basic/macro.h"

/* A copy of s with one reference; NULL when memory runs out. */
const char *shared_string_new(const char *s);
/* One more reference to what shared_string_new() gave. NULL is fine. Returns s. */
const char *shared_string_ref(const char *s);
/* Drops a reference; frees at the last one. NULL is fine. Returns NULL. */
const char *shared_string_unref(const char *s);
