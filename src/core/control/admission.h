/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What Kubernetes adds to a pod that is created, whoever creates it: so that one of a Deployment and one that a client wrote are
 * the same pod. What it adds depends on nothing but the spec and the PriorityClasses: pods of one template keep one document. */

#include "core/control/state.h"

/* The pod that a controller makes of a template: its labels, annotations, finalizers and spec. NULL: see json_arena_error(). */
Json *pod_of_template(JsonArena *a, const Json *template);
/* Completes a pod that is to be created there. -EACCES when its account or the class of its priority is missing, with Kubernetes' words. */
int pod_admit(Cluster *c, const char *namespace, JsonArena *a, Json *document, Error *reterr);
/* -EACCES for a PriorityClass that is to be the default beside another; of one that is changed, too. */
int priority_class_admit(Cluster *c, Json *document, Error *reterr);
/* For the store's hook: which class counts for pods that name none follows from changes. */
void priority_class_follow(Cluster *c, StoreEntry *e, const Object *old, const Object *new);
