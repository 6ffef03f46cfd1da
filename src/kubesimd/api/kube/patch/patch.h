/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Patches: each makes of a document (which it may use up) and a patch the document that is wanted. */

#include "kubesimd/api/kube/types/schema.h"

/* RFC 7386. */
Json *patch_merge(JsonArena *a, Json *target, const Json *patch);
/* RFC 6902. -EINVAL when it is no such patch, -EDOM when it cannot be applied. */
int patch_json(JsonArena *a, Json *target, const Json *patch, Json **ret, Error *reterr);
/* Kubernetes: lists of objects merge by their keys, with the directives $patch, $retainKeys, $setElementOrder and
 * $deleteFromPrimitiveList. kubernetes/community, "Strategic Merge Patch". -EINVAL, -EDOM. */
int patch_strategic(JsonArena *a, const SchemaMessage *schema, Json *target, const Json *patch, Json **ret, Error *reterr);
