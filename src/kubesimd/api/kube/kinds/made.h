/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects that are made when they are asked for, in one order with those of the store. */

#include "core/store/reading.h"
#include "kubesimd/api/kube/types/resource.h"

/* A page of them: references to immutable objects. */
typedef struct Made {
        Object **objects; /* owned references */
        size_t n_objects, allocated;
        uint64_t revision;
        size_t n_made; /* of a first page: all that could be made, beside those of the store as it is now */
        bool more; /* there were more than the limit */
} Made;

Made *made_free(Made *m); /* NULL is fine */
DEFINE_CLEANUP(Made*, made_free)

/* Those of that namespace (NULL: all) after the key `after` (NULL: all) that `wants` wants, at most `limit`, made ones as well as those
 * of `stored` (NULL: none), which begins there, too, and is of `revision`; in the order of keys. Where both have a key, the stored one
 * counts. -ENOMEM, or what the reading says. */
int made_take(Cluster *c, const KubeResource *r, const char *namespace, const char *after, size_t limit, uint64_t revision, Reading *stored,
              bool (*wants)(const Object *o, void *userdata), void *userdata, Made **ret);
/* The one of that key, made. -ENOENT. */
int made_find(Cluster *c, const KubeResource *r, const char *key, Object **ret);
