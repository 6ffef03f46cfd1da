/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Gangs: pods of one namespace that name the same group (annotation kubesim.io/pod-group) are placed all or none, once as many are
 * there as it asks for (kubesim.io/pod-group-min-member); like the coscheduling plugin's PodGroup, but nobody holds room while the
 * others wait. */

#include "core/control/state.h"

/* Are pods of the two classes, of which one is in a gang, in the same one? */
bool gang_is_same(const PodClass *a, const PodClass *b);
/* Places those of the pod's gang that wait: 1 when all of them have found a node, 0 when nothing was done, -ENOMEM. */
int gang_place(Cluster *c, PodState *ps);
/* 1 and appends why when the gang waits for its members (or was given up), 0 when it only lacks room. */
int gang_is_waiting(Cluster *c, const Pod *p, StrBuf *message);
