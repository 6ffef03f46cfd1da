/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces: those that are always there, and the emptying of those that are being deleted. */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/controllers.h"
#include "core/control/objects.h"
#include "core/control/owners.h"
#include "core/control/turn.h"
#include "core/model/object-util.h"

static int create_namespace(Cluster *c, const char *name) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Json *root = json_new(&a, JSON_OBJECT), *finalizers = json_new(&a, JSON_ARRAY);
        Json *labels = json_ensure(&a, json_ensure(&a, root, "metadata", JSON_OBJECT), "labels", JSON_OBJECT);
        Object *o;
        int r;

        json_set_string(&a, labels, "kubernetes.io/metadata.name", name);
        json_append(finalizers, json_new_string(&a, "kubernetes"));
        json_set(&a, json_ensure(&a, root, "spec", JSON_OBJECT), "finalizers", finalizers);
        json_set_string(&a, json_ensure(&a, root, "status", JSON_OBJECT), "phase", "Active");
        if (json_arena_error(&a) < 0)
                return json_arena_error(&a);
        r = object_new(KIND_NAMESPACE, sizeof(Object), name, &o);
        if (r < 0)
                return r;
        o->uid = uuid_random(&c->prng);
        o->created = cluster_now_realtime(c);
        r = doc_new(root, &o->doc);
        if (r >= 0)
                r = store_put(c->store, o);
        object_unref(o);
        return r;
}

int namespaces_ensure(Cluster *c) {
        static const char *const names[] = { NAMESPACE_DEFAULT, "kube-node-lease", "kube-public", "kube-system" };

        for (size_t i = 0; i < ELEMENTSOF(names); i++) {
                int r = store_find(c->store, KIND_NAMESPACE, names[i]) ? 0 : create_namespace(c, names[i]);

                if (r < 0)
                        return r;
        }
        return 0;
}

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

/* Every namespace has a ServiceAccount "default". */
static int ensure_service_account(Cluster *c, const Object *namespace) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_(object_unrefp) Object *o = NULL;
        Json *root = json_new(&a, JSON_OBJECT);
        char key[256];
        int r;

        (void) snprintf(key, sizeof(key), "%s/default", namespace->name);
        if (streq(namespace->name, NAMESPACE_DEFAULT))
                (void) snprintf(key, sizeof(key), "default");
        if (store_find(c->store, KIND_SERVICE_ACCOUNT, key))
                return 0;
        json_ensure(&a, root, "metadata", JSON_OBJECT);
        if (json_arena_error(&a) < 0)
                return json_arena_error(&a);
        r = cluster_create_object(c, c->now, KIND_SERVICE_ACCOUNT, key, root, false, &o, NULL);
        return r == -ENOMEM ? r : 0;
}

int reconcile_namespace(Cluster *c, ObjectState *s) {
        const Object *o = s->entry.object;
        Turn turn = turn_begin(c);
        size_t left = 0;
        int r;

        if (o->doc->deleted == 0)
                return ensure_service_account(c, o);
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
