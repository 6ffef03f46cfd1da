/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who asks: a role, and for a node's token the node. */

#include "basic/macro.h"

typedef enum Role {
        ROLE_NONE,
        ROLE_NODE,   /* may only beat for one node, or for those of a fleet */
        ROLE_VIEWER, /* may read */
        ROLE_ADMIN,  /* may do everything */
        _ROLE_MAX,
        _ROLE_INVALID = -EINVAL,
} Role;

typedef struct Identity {
        Role role;
        char *node; /* owned; ROLE_NODE: whose token it is */
        bool node_is_prefix; /* it is for all nodes whose names begin so: a fleet's */
} Identity;
