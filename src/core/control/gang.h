/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Gangs: pods of one namespace that name the same group (annotation kubesim.io/pod-group) are placed all or none, once as many are
 * there as it asks for (kubesim.io/pod-group-min-member); like the coscheduling plugin's PodGroup, but nobody holds room while the
 * others wait. */

#include "core/control/state.h"

/* Are pods of the two classes, of which one is in a gang, in the same one? */
bool gang_is_same(const PodClass *a, const PodClass *b);
/* Places those of the pod's gang that wait: 1 when enough of them have found a node, 0 when nothing was done, -ENOMEM. Appends why there
 * is no room for all of a gang that is complete. -EAGAIN: the scheduler gets ready for its members, some nodes in a turn; it is to be called
 * again in the next one. */
int gang_place(Cluster *c, PodState *ps, StrBuf *message);
/* What is kept for that. */
void gang_forget(Cluster *c);
/* 1 and appends why when the gang waits for its members (or was given up), 0 when it only lacks room. *ret_until: when it is given up. */
int gang_is_waiting(Cluster *c, const Pod *p, StrBuf *message, usec_t *ret_until);
