/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects that are made when they are asked for, in one order with those of the store. */

#include "kubesimd/api/kube/resource.h"
#include "kubesimd/api/snapshot.h"

/* Those of that namespace (NULL: all) after the key `after` (NULL: all) that `wants` wants, at most `limit`, made ones as well as those
 * of `stored`, in the order of keys. Where both have a key, the stored one counts. */
int made_take(Cluster *c, const KubeResource *r, const char *namespace, const char *after, size_t limit, const Snapshot *stored,
              bool (*wants)(const Object *o, void *userdata), void *userdata, Snapshot **ret);
/* The one of that key, made. -ENOENT. */
int made_find(Cluster *c, const KubeResource *r, const char *key, Object **ret);
