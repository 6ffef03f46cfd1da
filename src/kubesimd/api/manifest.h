/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Manifests of pods that are asked about and not created: read, filled in and checked as their creation would. */

#include "core/control/what-if.h"
#include "kubesimd/api/context.h"
#include "kubesimd/http/server.h"

#define MANIFEST_ITEMS_MAX 1000
#define MANIFEST_PODS_MAX 1000000 /* of all items together */

typedef struct Manifest {
        WhatIfItem *items; /* owned; by priority, then as they stand in the body */
        size_t n_items, allocated;
} Manifest;

/* The body, JSON or YAML: a Pod, or what makes pods (Deployment, ReplicaSet, ReplicationController, StatefulSet, Job), a List, an array or
 * several documents of those; `count: N` beside `kind` stands for N of them. Classes are made in `pool`. -EBADMSG, -EINVAL, -EDOM (naming
 * the field), -ENOENT (the namespace), -E2BIG, -ENOMEM. manifest_done() in any case. */
int manifest_read(HttpRequest *req, ApiContext *api, PodClassPool *pool, Manifest *ret, Error *reterr);
/* The same for a body that must be one Pod. */
int manifest_read_pod(HttpRequest *req, ApiContext *api, PodClassPool *pool, Manifest *ret, Error *reterr);
/* Adds an item; what it has is taken over in any case. -ENOMEM. */
int manifest_add(Manifest *m, WhatIfItem *item);
void manifest_done(Manifest *m);
