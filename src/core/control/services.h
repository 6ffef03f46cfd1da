/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Addresses of Services, and their ports on the nodes. */

#include "basic/json-tree.h"
#include "core/control/state.h"

/* Gives a new Service that asks for none a cluster address. */
void service_assign_address(Cluster *c, JsonArena *a, Json *document);

/* Is the port, of NODE_PORT_FIRST to NODE_PORT_LAST, that of a Service? */
bool service_port_is_taken(const Cluster *c, uint32_t number);
/* Gives port, one of ports, a number on the nodes that neither another Service nor another one of ports has; -EDQUOT: there is none left. */
int service_assign_port(Cluster *c, JsonArena *a, const Json *ports, Json *port, Error *reterr);
/* Counts who has which port: old became new (NULL: there was, or is, none). */
void service_follow(Cluster *c, const Object *old, const Object *new);
