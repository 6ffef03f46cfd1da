/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/snapshot.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

int snapshot_take(Store *s, Kind kind, uint64_t after_id, const char *prefix, size_t limit, Snapshot **ret) {
        _cleanup_(snapshot_freep) Snapshot *snapshot = NULL;
        size_t allocated = 0, hint = 0;
        StoreEntry *e;

        snapshot = new0(Snapshot, 1);
        if (!snapshot)
                return -ENOMEM;
        snapshot->revision = store_revision(s);
        while ((e = store_next(s, kind, after_id, &hint))) {
                after_id = e->object->id;
                if (prefix && !startswith(e->object->name, prefix))
                        continue;
                if (snapshot->n_objects >= limit) {
                        snapshot->more = true;
                        break;
                }
                if (!GREEDY_REALLOC(snapshot->objects, allocated, snapshot->n_objects + 1))
                        return -ENOMEM;
                snapshot->objects[snapshot->n_objects++] = object_ref(e->object);
        }
        *ret = TAKE_PTR(snapshot);
        return 0;
}

Snapshot *snapshot_free(Snapshot *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_objects; i++)
                object_unref(s->objects[i]);
        free(s->objects);
        return mfree(s);
}
