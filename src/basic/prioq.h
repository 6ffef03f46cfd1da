/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A binary heap of borrowed items that know where they stand in it, so that any can be moved or taken out. */

#include "basic/forward.h"

#define PRIOQ_NONE UINT32_MAX

typedef struct PrioqItem {
        usec_t when;    /* the smallest is first; set by the owner only through prioq_set() */
        uint32_t index; /* PRIOQ_NONE when not queued: initialise with that */
        uint32_t tag;   /* the owner's: what it is part of, where items of several kinds are queued; it takes no room */
} PrioqItem;

struct Prioq {
        PrioqItem **items;
        size_t n_items;
        size_t allocated;
};

void prioq_done(Prioq *q);
/* Queues the item for `when`, or moves it there. USEC_INFINITY takes it out. 0 or -ENOMEM. */
int prioq_set(Prioq *q, PrioqItem *item, usec_t when);
/* Takes it out when it is in. */
void prioq_remove(Prioq *q, PrioqItem *item);
/* The item with the smallest `when`, or NULL. */
static inline PrioqItem *prioq_peek(const Prioq *q) {
        return q->n_items > 0 ? q->items[0] : NULL;
}
