/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pods that are to come to a node once others have gone from it hold room there against lesser ones. Also to a node that is not there: when
 * it comes (back) under its name, it comes with what is kept on it. */

#include "core/control/state.h"

void nominations_init(Cluster *c);
void nominations_done(Cluster *c);
/* The pod (NULL: none) waits, and is nominated to a node. -ENOMEM. */
int nominations_add(Cluster *c, const Pod *p);
/* It no longer is. */
void nominations_remove(Cluster *c, const Pod *p);
/* The node comes: takes over what is kept for its name. */
void nominations_take(Cluster *c, NodeState *ns, const char *name);
/* The node goes: what is kept on it is kept for its name. For want of memory it is lost. */
void nominations_leave(Cluster *c, NodeState *ns, const char *name);
