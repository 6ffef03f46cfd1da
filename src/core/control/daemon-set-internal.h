/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the DaemonSet controller share: a DaemonSet as one look at it finds it. daemon-set.c brings pods to nodes,
 * revisions.c keeps the versions of its template. */

#include "core/control/workload.h"

#define DAEMON_COMPONENT "daemonset-controller"
#define DAEMON_HASH_LABEL "controller-revision-hash"
#define NAMESPACE_SIZE 254

typedef struct Daemon {
        Cluster *cluster;
        ObjectState *state;
        Edit edit;         /* of its document, only read */
        Json *spec;
        bool alive;        /* it is not being deleted */
        char hash[TEMPLATE_HASH_MAX];
        Json *pod;         /* what each of its pods says, admitted */
        PodClass *class;   /* of it; a reference; NULL: there can be none */
        const char *only;  /* the node that the template names; NULL: it names none */
        Error error;       /* why no pod can be made; code 0: they can */
        PodState **pods;   /* by slot of their node; owned */
        usec_t min_ready;
        int64_t desired, current, misscheduled, ready, updated, available;
        size_t n_made;
        bool crowded;      /* a node has no room for its pod */
        usec_t look_at;    /* realtime */
} Daemon;

/* --- revisions.c --- */
/* Makes the ControllerRevision of the template, or has it be the newest. 0 or negative. */
int daemon_keep_revision(Daemon *d);
/* Removes old ones beyond revisionHistoryLimit. */
int daemon_forget_revisions(Daemon *d);
