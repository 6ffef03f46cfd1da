/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers.h"

#include "basic/string-util.h"
#include "core/control/objects-internal.h"
#include "core/control/owners.h"
#include "core/control/selectors.h"

/* How many objects one turn looks at, so that no turn is long. */
#define TURN_MAX 256

static const reconcile_t controllers[_KIND_MAX] = {
        [KIND_NAMESPACE] = reconcile_namespace,
        [KIND_REPLICA_SET] = reconcile_replica_set,
        [KIND_DEPLOYMENT] = reconcile_deployment,
        [KIND_JOB] = reconcile_job,
        [KIND_SERVICE] = reconcile_service,
        [KIND_POD_DISRUPTION_BUDGET] = reconcile_disruption_budget,
        [KIND_CUSTOM_RESOURCE_DEFINITION] = reconcile_definition,
};

/* Those whose controllers look at pods by their labels. */
static const Kind selecting[] = { KIND_SERVICE, KIND_POD_DISRUPTION_BUDGET };

bool controller_exists(const Object *o) {
        return controllers[o->kind] || object_waits_for_dependents(o);
}

/* Those of that kind that select the pod. */
static void mark_selecting(Cluster *c, Kind kind, const Object *pod) {
        const char *slash = strchr(pod->name, '/');
        char from[256] = "";

        if (slash)
                memcpy(from, pod->name, MIN((size_t) (slash - pod->name + 1), sizeof(from) - 1));
        for (StoreEntry *e = store_find_from(c->store, kind, from); e && object_shares_namespace(e->object, pod); e = store_following(e))
                if (selects(e->object, pod))
                        object_mark(c, object_state(e));
}

void controllers_see(Cluster *c, const Object *old, const Object *new) {
        const Object *o = new ?: old;

        if (o->kind != KIND_POD || !o->doc || o->doc->n_labels == 0)
                return;
        for (size_t i = 0; i < ELEMENTSOF(selecting); i++) {
                mark_selecting(c, selecting[i], o);
                if (old && new && old->doc != new->doc)
                        mark_selecting(c, selecting[i], old);
        }
}

static int reconcile(Cluster *c, ObjectState *s) {
        if (object_waits_for_dependents(s->entry.object))
                return object_finish_foreground(c, s);
        /* One that waited for what it owned may wait no more, when that was undone. */
        return controllers[s->entry.object->kind] ? controllers[s->entry.object->kind](c, s) : 0;
}

/* Looks at one that is marked; if that fails, and it is still there, it stays marked. */
static int run_one(Cluster *c, ObjectState *s) {
        _cleanup_(object_unrefp) Object *o = object_ref(s->entry.object);
        StoreEntry *e;
        int r;

        list_remove(&s->dirty);
        r = reconcile(c, s);
        if (r >= 0)
                return 0;
        e = store_find(c->store, o->kind, o->name);
        if (e)
                object_mark(c, object_state(e));
        return r;
}

bool controllers_wait(const Cluster *c) {
        return !list_is_empty(&c->dirty) || !list_is_empty(&c->orphans);
}

int controllers_run(Cluster *c) {
        ListLink *l;
        int r;

        for (unsigned i = 0; i < TURN_MAX; i++) {
                if ((l = list_first(&c->orphans)))
                        r = object_collect(c, container_of(l, ObjectState, in_owner));
                else if ((l = list_first(&c->dirty)))
                        r = run_one(c, container_of(l, ObjectState, dirty));
                else
                        return 0;
                if (r < 0)
                        return r;
        }
        return 1;
}
