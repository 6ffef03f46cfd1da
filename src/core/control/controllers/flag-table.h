/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is so of each of many things (nodes, ordinals), as bits, how many there are of which that is so, and where the first and the last of
 * them are: kept by change, so that a controller of very many pods looks at those alone that have changed. Nothing is known here that could
 * not be found out again. */

#include <stddef.h>
#include <stdint.h>

#include "basic/macro.h"

#define FLAG_DIRTY 0 /* in every table: what the other flags say may be so no longer */
#define FLAGS_MAX 16

#define FLAG_BIT(f) (UINT16_C(1) << (f))

typedef struct FlagTable {
        uint16_t *flags; /* by slot; owned */
        size_t n, allocated;
        int64_t counts[FLAGS_MAX]; /* how many have that flag */
        size_t first[FLAGS_MAX];   /* none before has it */
        size_t end[FLAGS_MAX];     /* and none from there on */
} FlagTable;

void flag_table_done(FlagTable *t);
/* Has at least n slots; nothing is so of new ones. 0 or -ENOMEM. */
int flag_table_grow(FlagTable *t, size_t n);
/* Has no slots. */
void flag_table_clear(FlagTable *t);
static inline bool flag_table_has(const FlagTable *t, size_t slot, unsigned flag) {
        return t->flags[slot] & FLAG_BIT(flag);
}
/* What is so of the slot now, as bits. */
void flag_table_set(FlagTable *t, size_t slot, uint16_t flags);
void flag_table_add(FlagTable *t, size_t slot, unsigned flag);
/* The first slot from there on with that flag; SIZE_MAX: there is none. */
size_t flag_table_find(FlagTable *t, unsigned flag, size_t from);
/* The last slot before that one with it; SIZE_MAX: there is none. */
size_t flag_table_find_last(FlagTable *t, unsigned flag, size_t before);
/* All that have the flag are dirty. */
void flag_table_doubt(FlagTable *t, unsigned flag);
/* All from there on, up to `end`, are. */
void flag_table_doubt_range(FlagTable *t, size_t from, size_t end);
