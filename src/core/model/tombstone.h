/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is left of a removed node: whose beats are to be answered with "stop" instead of registering it again. */

#include "core/model/object.h"

struct Tombstone {
        Object object;        /* named as the node was; created = when it was removed */
        const char *instance; /* the agent's "KEY/START"; owned, NULL for agents that send none */
};

int tombstone_new(const char *name, const char *instance, Tombstone **ret);
void tombstone_done(Tombstone *t);

static inline Tombstone *TOMBSTONE(Object *o) {
        assert(!o || o->kind == KIND_TOMBSTONE);
        return (Tombstone*) o;
}
static inline Tombstone *tombstone_unref(Tombstone *t) {
        return (Tombstone*) object_unref((Object*) t);
}
DEFINE_CLEANUP(Tombstone*, tombstone_unref)
