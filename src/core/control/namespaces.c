/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces: the account that each has, and the emptying of those that are being deleted. */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/builtins.h"
#include "core/control/controllers.h"
#include "core/control/objects.h"
#include "core/control/owners.h"
#include "core/control/turn.h"
#include "core/model/object-util.h"

/* Deletes what is in it. How many are still there, each with something that holds it. 1: there may be more, the turn is over. */
static int empty_kind(Cluster *c, Kind kind, const char *namespace, Turn *turn, size_t *left) {
        uint64_t before;
        char key[256];
        StoreEntry *e, *next;
        int r;

        (void) snprintf(key, sizeof(key), "%s/", namespace);
        for (e = store_find_from(c->store, kind, key); e && object_is_in(e->object, namespace); e = next) {
                next = store_following(e);
                before = store_revision(c->store);
                r = object_delete(c, e, &(DeleteOptions) { .grace_seconds = -1 });
                if (r < 0)
                        return r;
                *left += r == 0;
                if (store_revision(c->store) != before && !turn_goes_on(turn)) /* those that are going already cost next to nothing */
                        return 1;
        }
        return 0;
}

int reconcile_namespace(Cluster *c, ObjectState *s) {
        const Object *o = s->entry.object;
        Turn turn = turn_begin(c);
        size_t left = 0;
        int r;

        if (o->doc->deleted == 0)
                return service_account_ensure(c, o);
        for (Kind k = 0; k < _KIND_MAX; k++) {
                r = kind_is_namespaced(k) ? empty_kind(c, k, o->name, &turn, &left) : 0;
                if (r > 0)
                        object_mark(c, s);
                if (r != 0)
                        return MIN(r, 0);
        }
        if (left > 0 || o->doc->n_finalizers > 0)
                return 0;
        return store_delete(c->store, &s->entry);
}
