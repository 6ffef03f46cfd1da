/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a DaemonSet knows of each node, and how many nodes there are of which that is so: kept by change. A node is looked at again once it,
 * or a pod of the DaemonSet there, has changed (it is dirty then), and all of them when the DaemonSet wants something else. Which of this
 * is so of a node daemon-set.c says. */

#include "core/control/controllers/flag-table.h"
#include "core/control/controllers/workload.h"

typedef enum DaemonFlag {
        DAEMON_DESIRED = FLAG_DIRTY + 1, /* a pod is to be there, and of these: */
        DAEMON_CURRENT,       /* one is there */
        DAEMON_READY,
        DAEMON_AVAILABLE,     /* and ready for long enough */
        DAEMON_WAITING,       /* ready, but not yet for long enough */
        DAEMON_UPDATED,       /* it is of the present template */
        DAEMON_MISSING,       /* none is there, but there is room for one */
        DAEMON_CROWDED,       /* none is there, or no second one, and there is no room */
        DAEMON_OLD,           /* it is of an old template, and no other is there */
        DAEMON_OLD_BROKEN,    /* and it is not available */
        DAEMON_SURGING,       /* a new one is there beside it, which is not available yet */
        DAEMON_MISSCHEDULED,  /* none is to be there, but one is */
        DAEMON_SUPERFLUOUS,   /* there are pods that are to go, whatever is to be there */
        _DAEMON_FLAG_MAX,
} DaemonFlag;

_Static_assert(_DAEMON_FLAG_MAX <= FLAGS_MAX, "a flag is a bit of 16");

/* What the flags follow from, beside nodes and pods. */
typedef struct DaemonWish {
        PodClass *class;   /* of its pods; NULL: there can be none */
        char hash[TEMPLATE_HASH_MAX];    /* of their template */
        usec_t min_ready;
        bool surges;       /* maxSurge is more than nothing */
} DaemonWish;

typedef struct DaemonNodes {
        FlagTable table;   /* by slot of the scheduler's nodes */
        DaemonWish wish;   /* class: a reference */
        usec_t look_at, looked_at; /* realtime: when the first of those that wait has waited for long enough; when they were looked at */
        usec_t room_at;            /* realtime: when to look at those that are crowded again */
} DaemonNodes;

DaemonNodes *daemon_nodes_free(DaemonNodes *t);
/* Makes a table of all nodes that there are, or brings the one that is there up to date; all are dirty if it is another wish.
 * 0 or -ENOMEM. */
int daemon_nodes_prepare(Cluster *c, DaemonNodes **t, const DaemonWish *wish);
/* When those that wait are to be looked at; of very many not as soon as the first has waited for long enough. USEC_INFINITY: none waits. */
usec_t daemon_nodes_due(const DaemonNodes *t);

/* The node in that slot has changed: all DaemonSets look at it again. */
void daemon_sets_see_node(Cluster *c, size_t slot);
/* Nodes have other slots than before: all DaemonSets look at all of them again. */
void daemon_sets_forget_nodes(Cluster *c);
/* A pod of that owner, if it is a DaemonSet, has changed: it looks at its node again. pod may be NULL. */
void daemon_set_see_pod(Cluster *c, ObjectState *owner, const Object *pod);
