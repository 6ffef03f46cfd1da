/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What an operator has chosen at run time and expects to find again after a restart. One object, "scheduler". */

#include "core/model/object.h"

#define POLICY_SCHEDULER "scheduler"

struct Policy {
        Object object;
        const char *algorithm; /* name in the table of core/sched/algorithms.h; owned */
};

int policy_new(const char *name, const char *algorithm, Policy **ret);
void policy_done(Policy *p);

static inline Policy *POLICY(Object *o) {
        assert(!o || o->kind == KIND_POLICY);
        return (Policy*) o;
}
static inline Policy *policy_unref(Policy *p) {
        return (Policy*) object_unref((Object*) p);
}
DEFINE_CLEANUP(Policy*, policy_unref)
