/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a Job knows of its pods beside their numbers (PodTally): kept by change. All of it could be found out again by going through them, which
 * is done when the Job is looked at first, and when its spec is another one. */

#include "core/control/state.h"

typedef struct JobTally {
        uint32_t *running; /* by index: how many active pods it has; owned */
        size_t n;          /* indexes; 0: it has none */
        bool suspect;      /* there may be a pod that is one too many for its index, or has none */
        usec_t last_success, last_failure; /* realtime at which a pod ended */
        int64_t n_failures; /* pods that failed after the last success */
        bool miscounted;   /* that number is not known */
        uint64_t revision; /* of the Job: in this one its status named no pod that it still held; 0: there is none */
        uint64_t generation; /* of the Job */
} JobTally;

JobTally *job_tally_free(JobTally *t);
/* Makes that of a Job of so many indexes if there is none, or one of another generation. 0 or -ENOMEM. */
int job_tally_prepare(ObjectState *s, int64_t n_indexes);
/* Counts the failures anew if need be. */
void job_tally_recount(ObjectState *s);
/* The index of a pod, less than n; -1: it has none. */
int64_t job_index_below(const Object *pod, int64_t n);
/* When a pod that has ended did so; one that its node refused ended as it began. */
usec_t job_pod_end(const Pod *p);

/* One of its pods has come (add) or gone; a change is both. */
void job_tally_pod(ObjectState *owner, const Pod *p, bool add);
/* A pod has come to have another document: is it held again, as that it was let go of has been undone? */
void job_see_document(ObjectState *owner, const Object *old, const Object *new);
