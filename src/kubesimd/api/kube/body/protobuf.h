/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Kubernetes' protobuf bodies, read by the table of types. Kubernetes documentation, "Kubernetes Protobuf encoding". */

#include "kubesimd/api/kube/types/schema.h"

/* Reads an envelope and the object in it as the tree that its JSON would be. -EBADMSG, -EINVAL (an unknown type), -ENOMEM. */
int protobuf_read(JsonArena *a, const char *data, size_t size, Json **ret, Error *reterr);
