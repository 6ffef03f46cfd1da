/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Regular expressions in the syntax of RE2 (and so of Go and of OpenAPI schemas in Kubernetes), matched in time linear in the text:
 * all ways to match are followed at once (Thompson, "Regular Expression Search Algorithm", 1968). It only tells whether there is a match:
 * nothing is captured, so greediness means nothing. Not known: \p and \P (classes by Unicode property); (?i) folds ASCII only. */

#include "basic/error.h"
#include "basic/macro.h"

#define PATTERN_LETTERS_MAX 4096 /* of a pattern, in bytes */

typedef struct Pattern Pattern;

/* -EINVAL with Go's words for what is wrong, -E2BIG when it would take too large a program, -ENOMEM. */
int pattern_new(const char *s, Pattern **ret, Error *reterr);
Pattern *pattern_free(Pattern *p); /* NULL is fine */
DEFINE_CLEANUP(Pattern*, pattern_free)
/* Does it match somewhere in the text (UTF-8, bytes that are none count as U+FFFD)? 1 or 0; -ENOMEM; -ETIME when that takes more than
 * *budget steps, from which those that were taken are subtracted. */
int pattern_matches(const Pattern *p, const char *text, size_t size, uint64_t *budget);
/* The code point at s[0 ... size-1], size > 0, and its length. */
uint32_t utf8_next(const char *s, size_t size, size_t *ret_size);
/* How many code points there are. */
size_t utf8_length(const char *s, size_t size);
