/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a DaemonSet knows of each node, and how many nodes there are of which that is so: kept by change. A node is looked at again once it,
 * or a pod of the DaemonSet there, has changed (it is dirty then), and all of them when the DaemonSet wants something else. Which of this
 * is so of a node daemon-set.c says; nothing here is known that could not be found out again. */

#include "core/control/controllers/workload.h"

typedef enum DaemonFlag {
        DAEMON_DIRTY,         /* what follows may be so no longer */
        DAEMON_DESIRED,       /* a pod is to be there, and of these: */
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

#define DAEMON_BIT(f) (UINT16_C(1) << (f))

/* What the flags follow from, beside nodes and pods. */
typedef struct DaemonWish {
        PodClass *class;   /* of its pods; NULL: there can be none */
        char hash[TEMPLATE_HASH_MAX];    /* of their template */
        usec_t min_ready;
        bool surges;       /* maxSurge is more than nothing */
} DaemonWish;

typedef struct DaemonNodes {
        uint16_t *flags;   /* by slot of the scheduler's nodes; owned */
        size_t n, allocated;
        int64_t counts[_DAEMON_FLAG_MAX]; /* how many have that flag */
        size_t first[_DAEMON_FLAG_MAX];   /* none before has it */
        DaemonWish wish;   /* class: a reference */
        usec_t look_at, looked_at; /* realtime: when the first of those that wait has waited for long enough; when they were looked at */
        usec_t room_at;            /* realtime: when to look at those that are crowded again */
} DaemonNodes;

DaemonNodes *daemon_nodes_free(DaemonNodes *t);
/* Makes a table of all nodes that there are, or brings the one that is there up to date; all are dirty if it is another wish.
 * 0 or -ENOMEM. */
int daemon_nodes_prepare(Cluster *c, DaemonNodes **t, const DaemonWish *wish);
/* What is so of the node now, as bits. */
void daemon_nodes_set(DaemonNodes *t, size_t slot, uint16_t flags);
void daemon_nodes_add(DaemonNodes *t, size_t slot, DaemonFlag flag);
/* The first slot from there on with that flag; SIZE_MAX: there is none. */
size_t daemon_nodes_find(DaemonNodes *t, DaemonFlag flag, size_t from);
/* All that have it are to be looked at again. */
void daemon_nodes_doubt(DaemonNodes *t, DaemonFlag flag);

/* When those that wait are to be looked at; of very many not as soon as the first has waited for long enough. USEC_INFINITY: none waits. */
usec_t daemon_nodes_due(const DaemonNodes *t);

/* The node in that slot has changed: all DaemonSets look at it again. */
void daemon_sets_see_node(Cluster *c, size_t slot);
/* Nodes have other slots than before: all DaemonSets look at all of them again. */
void daemon_sets_forget_nodes(Cluster *c);
/* A pod of that owner, if it is a DaemonSet, has changed: it looks at its node again. pod may be NULL. */
void daemon_set_see_pod(Cluster *c, ObjectState *owner, const Object *pod);
