/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* IPv4 addresses that nodes, pods and services pretend to have. In host byte order; 0 is none. */

#include "basic/forward.h"

#define ADDRESS_STRING_MAX 16
#define LOOPBACK_ADDRESS (127u << 24 | 1)
char *address_to_string(uint32_t ip, char *buf); /* returns buf */
int address_from_string(const char *s, uint32_t *ret);
/* Of IPv4 or of IPv6. */
bool address_is_valid(const char *s);

/* The node's pods are in 10.0.0.0/8, a /24 for each node by its id; beyond 65,536 ids they are used again. */
#define POD_NETWORK (10u << 24)
static inline uint32_t node_network(uint64_t id) {
        return POD_NETWORK | (uint32_t) (id & 0xffff) << 8;
}
