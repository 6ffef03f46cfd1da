/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/saved.h"

#include <stdlib.h>

#include "core/model/codec.h"

static int compare_ids(const void *a, const void *b) {
        const Object *x = *(Object *const*) a, *y = *(Object *const*) b;

        return x->id < y->id ? -1 : x->id > y->id;
}

bool saved_take(Store *store, Saved *ret) {
        for (Kind k = 0; k < _KIND_MAX; k++) {
                size_t hint = 0;

                for (StoreEntry *e = NULL; (e = store_next(store, k, e ? e->object->id : 0, &hint));) {
                        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
                        Object *o;

                        object_encode(e->object, &b);
                        if (strbuf_error(&b) < 0 || ret->n >= ELEMENTSOF(ret->objects) || object_decode(k, b.data, b.size, &o, NULL) < 0)
                                return false;
                        o->id = e->object->id;
                        o->revision = e->object->revision;
                        ret->objects[ret->n++] = o;
                }
        }
        qsort(ret->objects, ret->n, sizeof(ret->objects[0]), compare_ids);
        return true;
}
