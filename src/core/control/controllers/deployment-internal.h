/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the Deployment controller share: a Deployment with its ReplicaSets, as one look at it finds them.
 * deployment.c reads them and makes new ones, deployment-scale.c has the numbers, deployment-status.c tells of it. */

#include "core/control/controllers/workload.h"

#define DEPLOYMENT_COMPONENT "deployment-controller"
#define DEPLOYMENT_REVISION "deployment.kubernetes.io/revision"
#define DEPLOYMENT_DESIRED "deployment.kubernetes.io/desired-replicas"
#define DEPLOYMENT_MAX_REPLICAS "deployment.kubernetes.io/max-replicas"

/* A ReplicaSet of the Deployment. */
typedef struct Version {
        ObjectState *state;
        Edit edit; /* of its document, only read */
        uint64_t revision;
        int64_t wanted, has, ending, ready, available;
        int64_t desired, most; /* what its annotations say of the Deployment; -1: nothing */
        bool is_new;
} Version;

typedef struct Rollout {
        Cluster *cluster;
        ObjectState *state; /* of the Deployment */
        Edit edit;
        Json *spec;
        Version *versions; /* oldest revision first */
        size_t n_versions;
        Version *new;      /* NULL: there is none yet */
        int64_t replicas, surge, unavailable;
        bool recreate, paused;
        bool created;      /* a ReplicaSet, or there was an attempt: what the versions say is not all */
} Rollout;

/* Sums over all versions. */
int64_t rollout_sum_wanted(const Rollout *r);
int64_t rollout_sum_available(const Rollout *r);

/* --- deployment.c --- */
/* Notes in a ReplicaSet's annotations how many its Deployment wants, and how many it allows. */
void rollout_note_size(Rollout *r, JsonArena *a, Json *annotations);

/* --- deployment-scale.c: each 1 when it has changed something, 0 when there was nothing to change, or negative --- */
/* Have the number of replicas or maxSurge changed since the ReplicaSets were told? */
bool rollout_is_being_scaled(const Rollout *r);
/* Gives a new number to the only active ReplicaSet, or to each its share. */
int rollout_scale(Rollout *r);
/* A step from the old ones to the new one that maxSurge and maxUnavailable allow. */
int rollout_roll(Rollout *r);
/* Scales all old ones down. */
int rollout_stop_old(Rollout *r);
int rollout_scale_version(Rollout *r, Version *v, int64_t wanted);

/* --- deployment-status.c --- */
/* A ReplicaSet has been made for the template, or could not be. */
void rollout_set_created(Rollout *r, Json *status, const char *name, const char *failure);
/* Counts, conditions; and when to look again because progress may have ended. *ret_complete: all is as it is wanted. */
int rollout_update_status(Rollout *r, bool rolling, bool *ret_complete);
