/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/policy.h"

#include "core/model/object-util.h"

int policy_new(const char *name, const char *algorithm, Policy **ret) {
        _cleanup_(policy_unrefp) Policy *p = NULL;
        int r;

        r = object_new(KIND_POLICY, sizeof(Policy), name, (Object**) &p);
        if (r >= 0)
                r = object_set_string(&p->algorithm, algorithm);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

void policy_done(Policy *p) {
        free((char*) p->algorithm);
}
