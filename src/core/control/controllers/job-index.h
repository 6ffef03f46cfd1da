/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sets of completion indexes as ranges, and the text that a Job's status has of them: "1,3-5,7". */

#include "basic/strbuf.h"

typedef struct IndexRange {
        int64_t first, last;
} IndexRange;

typedef struct IndexSet {
        IndexRange *ranges; /* in order, none touches the next */
        size_t n, allocated;
} IndexSet;

void index_set_done(IndexSet *s);
#define _cleanup_index_set_ _cleanup_(index_set_done)
/* Adds what the text names below `end`. What is no range is left out: the text is ours, unless a client wrote the status. 0 or -ENOMEM. */
int index_set_parse(IndexSet *s, const char *text, int64_t end);
/* 0 or -ENOMEM. */
int index_set_add(IndexSet *s, int64_t i);
bool index_set_has(const IndexSet *s, int64_t i);
/* The smallest that is not less than i and not in it. */
int64_t index_set_next_missing(const IndexSet *s, int64_t i);
int64_t index_set_count(const IndexSet *s);
/* How many are in both. */
int64_t index_set_count_common(const IndexSet *a, const IndexSet *b);
/* How many a text names that a client wrote: ranges below `end`, in order; -EINVAL: it is none. */
int64_t index_set_check(const char *text, int64_t end);
/* Appends the text: two that follow each other are written with a comma, more with a dash. */
void index_set_put(const IndexSet *s, StrBuf *b);
