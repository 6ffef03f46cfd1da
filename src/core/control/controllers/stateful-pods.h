/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a StatefulSet knows of each of its pods by its ordinal: kept by change. A pod is looked at again once it, or a claim of it that the
 * StatefulSet owns, has changed, and all of them when the StatefulSet wants something else. Which of this is so of a pod stateful-set.c says. */

#include "core/control/controllers/flag-table.h"
#include "core/control/controllers/revisions.h"

typedef enum StatefulFlag {
        STATEFUL_PRESENT = FLAG_DIRTY + 1,
        STATEFUL_READY,
        STATEFUL_AVAILABLE,   /* and for long enough */
        STATEFUL_WAITING,     /* ready, but not yet for long enough */
        STATEFUL_CURRENT,     /* of the revision that all had last, where that is another one than the present */
        STATEFUL_UPDATED,     /* of the present one */
        STATEFUL_MISSING,     /* it is to be there; of these: */
        STATEFUL_ENDED,       /* Failed or Succeeded */
        STATEFUL_UNAVAILABLE, /* not there, or not available */
        STATEFUL_STALE,       /* so, or not of the present revision */
        STATEFUL_CONDEMNED,   /* it is there, and is not to be */
        STATEFUL_SUPERFLUOUS, /* and nobody has deleted it yet */
        _STATEFUL_FLAG_MAX,
} StatefulFlag;

_Static_assert(_STATEFUL_FLAG_MAX <= FLAGS_MAX, "a flag is a bit of 16");

/* What the flags follow from, beside pods. */
typedef struct StatefulWish {
        int64_t start, replicas;
        char update[REVISION_NAME_MAX], current[REVISION_NAME_MAX]; /* current: empty when it is the same */
        usec_t min_ready;
        bool claims_go, claims_go_early; /* persistentVolumeClaimRetentionPolicy: whenDeleted, whenScaled */
} StatefulWish;

typedef struct StatefulPods {
        FlagTable table; /* by ordinal, from `base` on */
        int64_t base;
        bool complete;   /* there is a place in it for each pod */
        StatefulWish wish;
        usec_t look_at, looked_at; /* realtime: when the first of those that wait has waited for long enough; when they were looked at */
} StatefulPods;

StatefulPods *stateful_pods_free(StatefulPods *t);
/* Makes the table of a StatefulSet, or brings the one that is there up to date. 0 or -ENOMEM. */
int stateful_pods_prepare(ObjectState *s, const StatefulWish *wish);
/* The ordinal of a pod of that owner by its name; -1: it has none. */
int64_t stateful_ordinal(const Object *owner, const Object *pod);
/* When those that wait are to be looked at; of very many not as soon as the first has waited for long enough. USEC_INFINITY: none waits. */
usec_t stateful_pods_due(const StatefulPods *t);
/* A pod or a claim of that owner, if it is a StatefulSet, has changed. o may be NULL. */
void stateful_set_see(ObjectState *owner, const Object *o);
