/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Addresses of Services. */

#include "basic/json-tree.h"
#include "core/control/state.h"

/* Gives a new Service that asks for none a cluster address. */
void service_assign_address(Cluster *c, JsonArena *a, Json *document);
