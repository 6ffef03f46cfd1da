/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Heartbeats: what a node says of itself, and what it is told. A beat touches memory only; a registration, a change
 * of health or of a pod's status is a durable change. */

#include "core/control/state.h"

#define BEAT_STATUS_HEALTHY "Healthy"
#define BEAT_STATUS_STOPPED "Stopped" /* goodbye */
#define NODE_CPU_DEFAULT 4000          /* millicores of an agent that does not say */

typedef struct Heartbeat {
        const char *node;
        const char *status;
        char *const *pods; /* names of those that it runs */
        size_t n_pods;
        int64_t cpu;       /* millicores; 0 = not said */
        char *const *addresses; /* NULL = not said */
        size_t n_addresses;
        const char *instance; /* "KEY/START"; NULL = not said */
        const char *version;  /* NULL = not said */
        int64_t sequence;     /* grows with each beat of an instance; 0 = not said */
} Heartbeat;

typedef struct HeartbeatAnswer {
        NodeState *node; /* borrowed; NULL when the node is unknown and is only told to stop */
        bool stop;       /* the agent is to say goodbye and to exit */
        uint64_t revision; /* the answer may leave once this is durable */
} HeartbeatAnswer;

/* Takes a beat. -EINVAL, -EEXIST (another agent of that name is alive, or this one is an older one; or the name is a
 * virtual node's), -EDQUOT (MaxNodes), -ENOSPC (frozen, and it would have to be registered), -ENOMEM. */
int cluster_heartbeat(Cluster *c, usec_t now, const Heartbeat *beat, HeartbeatAnswer *ret, Error *reterr);
/* The beat of a virtual node: everything that is to run, runs. */
int virtual_beat(Cluster *c, NodeState *ns);
/* The first node whose list of pods has changed since it was last asked for here, or NULL; it is then taken off. */
NodeState *cluster_next_woken(Cluster *c);
