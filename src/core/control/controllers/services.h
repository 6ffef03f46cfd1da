/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Addresses of Services, and their ports on the nodes. */

#include "basic/json-tree.h"
#include "core/control/state.h"

/* That of the API server, with the first address of 172.16.0.0/12, which no other one gets. */
#define SERVICE_API_NAME "kubernetes"
#define SERVICE_API_ADDRESS "172.16.0.1"

#define SERVICE_RANGE "172.16.0.0/12"

/* May a Service have it? The first and the last of a network are nobody's. */
static inline bool service_address_is_valid(uint32_t ip) {
        return ip > SERVICE_NETWORK && ip < SERVICE_NETWORK + SERVICE_N_ADDRESSES - 1;
}
/* Is the address, a valid one, that of a Service, or the one that is kept for the API server's? */
bool service_address_is_taken(const Cluster *c, uint32_t ip);
/* Gives a Service, by its spec, a cluster address that no other one has; -EDQUOT: there is none left. */
int service_assign_address(Cluster *c, JsonArena *a, Json *spec, Error *reterr);

/* Is the port, of NODE_PORT_FIRST to NODE_PORT_LAST, that of a Service? */
bool service_port_is_taken(const Cluster *c, uint32_t number);
/* Gives object, one of ports or the spec that they are of, a number on the nodes that neither another Service nor one of ports has; -EDQUOT:
 * there is none left. */
int service_assign_port(Cluster *c, JsonArena *a, const Json *ports, Json *object, const char *key, Error *reterr);
/* Notes who has which address and port: old became new (NULL: there was, or is, none). */
void service_follow(Cluster *c, const Object *old, const Object *new);
