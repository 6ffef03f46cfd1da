/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* CustomResourceDefinitions: which are established, and with which slot of the store. Follows the definitions by the store's hook. */

#include "core/cluster.h"
#include "core/model/definition.h"

/* The definition whose objects are of that kind, or NULL. Borrowed until the next change. */
const Definition *cluster_definition(const Cluster *c, Kind slot);
/* The revision since which that is so: what the log has of the kind before is of another. */
uint64_t cluster_defined_at(const Cluster *c, Kind slot);
/* The slot of what a definition calls so ("GROUP/VERSION"), or _KIND_INVALID. */
Kind cluster_find_custom(const Cluster *c, const char *api_version, const char *kind);

/* --- For the operations --- */
/* Is there a slot for one like this document? Else what to say of it. */
bool definition_has_room(const Cluster *c, const Json *document, Error *reterr);
/* May objects of that kind be created? -ENOENT, -EOPNOTSUPP; 0 for every kind that is no slot. */
int definition_check_open(const Cluster *c, Kind kind, Error *reterr);

/* --- For the hooks; neither fails --- */
void definition_follow(Cluster *c, StoreEntry *e, const Definition *old, const Definition *new);
/* A definition that is being emptied waits for the last of its objects. */
void mark_ending_definition(Cluster *c, const Object *o);
