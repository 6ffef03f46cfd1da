/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The life of a pod: created, placed, confirmed, restarted, moved, ended, removed. */

#include "core/control/state.h"

typedef struct PodSpec {
        const char *name; /* NULL: a UUID is made */
        int64_t cpu;      /* millicores */
        usec_t duration;  /* USEC_INFINITY: until removed */
} PodSpec;

/* Creates a pod and places it when something fits now; else it waits. -EINVAL, -EEXIST, -EDOM (could never fit),
 * -EDQUOT (MaxPods), -ENOSPC (frozen), -ENOMEM. *ret is borrowed. */
int cluster_create_pod(Cluster *c, usec_t now, const PodSpec *spec, PodState **ret, Error *reterr);
/* Removes a pod: at once when no living node holds it, else Terminating until its node has let go. -ENOENT. */
int cluster_remove_pod(Cluster *c, usec_t now, const char *name, Error *reterr);
/* Has its node let go of it and start it again. -ENOENT, -EBUSY-like -ESTALE when it is not bound to a node. */
int cluster_restart_pod(Cluster *c, usec_t now, const char *name, Error *reterr);

/* --- For the other controllers --- */
/* -EDQUOT: with n more there would be more than MaxPods. */
int check_pod_room(const Cluster *c, uint32_t n, Error *reterr);
/* Places a new pod when something fits, or on that node (NULL: the scheduler's choice), and stores it. */
int pod_launch(Cluster *c, Pod *p, const char *node);
/* Has its node let go of it, or removes it: 1 when it is gone, 0 when it is still there. grace_seconds 0: at once; -1: default. */
int pod_remove(Cluster *c, PodState *ps, int64_t grace_seconds, PodDisruption why);
/* Stores what an update has made of it, or removes it when that was the last that held it. */
int pod_store_update(Cluster *c, PodState *ps, Pod *copy);
/* Takes a finalizer from it, which may be its end: 1 when it is gone. */
int pod_release(Cluster *c, PodState *ps, const char *finalizer);
/* Moves every pod of the node elsewhere, or back into the queue; Terminating ones are gone. The node must take no
 * pods any more. `why` is kept as the pods' reason. */
int pods_evacuate(Cluster *c, NodeState *ns, const char *why);
/* Moves pods away, the youngest first, until the rest need no more than `cpu`. */
int pods_shrink(Cluster *c, NodeState *ns, int64_t cpu);
/* Its node runs it, or no longer does: takes the pod a step further. */
int pod_confirm(Cluster *c, PodState *ps, bool running);
/* Its node is not healthy (any longer), or is again: it is not ready while nobody knows how it is. */
int pod_set_lost(Cluster *c, PodState *ps, bool lost);
/* The node that it is on is lost for too long: it is to go, which its node will confirm when it is back. */
int pod_evict_lost(Cluster *c, PodState *ps);
/* It does not tolerate (any longer) how its node is tainted: it moves elsewhere, or stays when
 * it tolerates it for a while and nothing else takes it. With NODE_LOSS_KUBERNETES it is removed. */
int pod_leave_tainted(Cluster *c, PodState *ps);
/* Its duration is over. */
int pod_end(Cluster *c, PodState *ps);
