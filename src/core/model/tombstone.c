/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/tombstone.h"

#include "core/model/object-util.h"

int tombstone_new(const char *name, const char *instance, Tombstone **ret) {
        _cleanup_(tombstone_unrefp) Tombstone *t = NULL;
        int r;

        r = object_new(KIND_TOMBSTONE, sizeof(Tombstone), name, (Object**) &t);
        if (r >= 0)
                r = object_set_string(&t->instance, instance);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(t);
        return 0;
}

void tombstone_done(Tombstone *t) {
        free((char*) t->instance);
}
