/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What spreads pods that say nothing of it themselves (kube-scheduler's PodTopologySpread, defaultingType System): those that Services and
 * their controller select together are to be apart, as far as that goes. Who selects them is the same for all pods of a class; it is asked
 * for when an order is made, and is no part of the class: Services come and go while pods wait. */

#include "core/model/pod-class.h"

#define DEFAULT_SPREADS 2

/* Who knows what selects the pods of a class. */
typedef struct PodSelectors {
        /* Appends a LabelSelector, the same text for the same selectors; nothing when nobody selects them. -ENOMEM; -E2BIG, which counts as
         * nobody. */
        int (*put)(const PodClass *c, StrBuf *b, void *userdata); /* NULL: nobody selects */
        void *userdata;
} PodSelectors;

typedef struct DefaultSpread {
        SpreadConstraint constraints[DEFAULT_SPREADS]; /* of one selector */
        size_t n;        /* 0: nothing spreads them */
        char *text;      /* of the selector; NULL: there is none; owned */
        JsonArena arena; /* what the selector borrows from */
} DefaultSpread;

/* Of a class that has constraints of its own there are none. -ENOMEM, and nothing is held. */
int default_spread_init(DefaultSpread *d, const PodSelectors *s, const PodClass *c);
void default_spread_done(DefaultSpread *d);
/* Would default_spread_init() make the same now? */
bool default_spread_holds(const DefaultSpread *d, const PodSelectors *s, const PodClass *c);
