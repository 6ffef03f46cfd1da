/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/controllers.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/builtins.h"
#include "core/control/controllers/daemon-nodes.h"
#include "core/control/controllers/disruption-budget.h"
#include "core/control/controllers/job-tally.h"
#include "core/control/controllers/stateful-pods.h"
#include "core/control/controllers/victims.h"
#include "core/control/controllers/workload.h"
#include "core/control/objects-internal.h"
#include "core/control/owners.h"
#include "core/control/selectors.h"
#include "core/control/turn.h"

#define RETRY_FIRST USEC_PER_SEC
#define RETRY_MAX (5 * USEC_PER_MINUTE)
#define LOOK_SOONEST USEC_PER_MSEC /* so that no mistake about a time makes the loop spin */

static const struct {
        reconcile_t reconcile;
        bool timed;
} controllers[_KIND_MAX] = {
        [KIND_NAMESPACE] = { .reconcile = reconcile_namespace },
        [KIND_REPLICA_SET] = { .reconcile = reconcile_replica_set, .timed = true },
        [KIND_DEPLOYMENT] = { .reconcile = reconcile_deployment, .timed = true },
        [KIND_DAEMON_SET] = { .reconcile = reconcile_daemon_set, .timed = true },
        [KIND_STATEFUL_SET] = { .reconcile = reconcile_stateful_set, .timed = true },
        [KIND_JOB] = { .reconcile = reconcile_job, .timed = true },
        [KIND_CRON_JOB] = { .reconcile = reconcile_cron_job, .timed = true },
        [KIND_SERVICE] = { .reconcile = reconcile_service, .timed = true },
        [KIND_POD_DISRUPTION_BUDGET] = { .reconcile = reconcile_disruption_budget },
        [KIND_CUSTOM_RESOURCE_DEFINITION] = { .reconcile = reconcile_definition },
};

bool controller_exists(const Object *o) {
        return controllers[o->kind].reconcile || object_waits_for_dependents(o);
}

bool controller_keeps_time(Kind k) {
        return controllers[k].timed;
}

void controller_forget(ObjectState *s) {
        TimedState *ts = timed_state(s);

        victims_forget(s);
        ts->selector = mfree(ts->selector);
        ts->nodes = daemon_nodes_free(ts->nodes);
        ts->ordinals = stateful_pods_free(ts->ordinals);
        ts->job = job_tally_free(ts->job);
}

int controller_look_at(Cluster *c, ObjectState *s, usec_t realtime) {
        int64_t at = (int64_t) realtime - c->realtime_offset;
        usec_t soonest = usec_add(c->now, LOOK_SOONEST);

        assert(controller_keeps_time(s->entry.object->kind));
        if (realtime == USEC_INFINITY)
                return prioq_set(&c->timers, &timed_state(s)->look.item, USEC_INFINITY);
        return prioq_set(&c->timers, &timed_state(s)->look.item, MAX(at > 0 ? (usec_t) at : 0, soonest));
}

usec_t controller_retry_time(Cluster *c, TimedState *ts) {
        usec_t delay = ts->n_failures < 20 ? MIN(RETRY_FIRST << ts->n_failures, RETRY_MAX) : RETRY_MAX;

        if (ts->look.item.index != PRIOQ_NONE) /* it fails on a change before that time: this is not a further turn */
                return cluster_realtime(c, ts->look.item.when);
        if (ts->n_failures < UINT8_MAX)
                ts->n_failures++;
        return usec_add(cluster_now_realtime(c), delay);
}

void controllers_clock_set(Cluster *c) {
        for (Kind k = 0; k < _KIND_MAX; k++)
                for (StoreEntry *e = controllers[k].timed ? store_find_from(c->store, k, NULL) : NULL; e; e = store_following(e))
                        object_mark(c, object_state(e));
}

/* The Services that select the pod. */
static void mark_services(Cluster *c, const Object *pod) {
        const char *slash = strchr(pod->name, '/');
        char from[256] = "";

        if (slash)
                memcpy(from, pod->name, MIN((size_t) (slash - pod->name + 1), sizeof(from) - 1));
        for (StoreEntry *e = store_find_from(c->store, KIND_SERVICE, from); e && object_shares_namespace(e->object, pod); e = store_following(e))
                if (selects(object_state(e), pod))
                        object_mark(c, object_state(e));
}

/* Could a controller that selects it take it? */
static bool is_stray(const Object *pod) {
        return pod->doc && !doc_controller(pod->doc) && pod_is_active((const Pod*) pod);
}

/* Those that are new have ids that nobody has scanned yet, unless a deletion is undone. */
static void see_stray(Cluster *c, const Object *old, const Object *new) {
        if (!new || !is_stray(new))
                return;
        if (old ? old->doc != new->doc || !is_stray(old) : new->id <= store_last_id(c->store))
                c->strays_version++;
}

void controllers_see(Cluster *c, const Object *old, const Object *new) {
        const Object *o = new ?: old;

        if (o->kind == KIND_POD)
                see_stray(c, old, new);

        budgets_follow(c, old, new);
        if (o->kind != KIND_POD || !o->doc || o->doc->n_labels == 0)
                return;
        mark_services(c, o);
        if (old && new && old->doc != new->doc)
                mark_services(c, old);
}

static int reconcile(Cluster *c, ObjectState *s) {
        if (object_waits_for_dependents(s->entry.object))
                return MIN(object_finish_foreground(c, s), 0);
        /* One that waited for what it owned may wait no more, when that was undone. */
        return controllers[s->entry.object->kind].reconcile ? controllers[s->entry.object->kind].reconcile(c, s) : 0;
}

/* Looks at one that is marked; if that fails, and it is still there, it stays marked. */
static int run_one(Cluster *c, ObjectState *s, Turn *turn) {
        _cleanup_(object_unrefp) Object *o = object_ref(s->entry.object);
        StoreEntry *e;
        int r;

        list_remove(&s->dirty);
        r = reconcile(c, s);
        if (r > 0)
                turn_end(turn);
        e = r < 0 ? store_find(c->store, o->kind, o->name) : NULL; /* it may have gone */
        if (e)
                object_mark(c, object_state(e));
        return MIN(r, 0);
}

bool controllers_wait(const Cluster *c) {
        return c->unsettled || !list_is_empty(&c->dirty) || !list_is_empty(&c->orphans);
}

int controllers_run(Cluster *c) {
        Turn turn = turn_begin(c);
        ListLink *l;
        int r;

        while (turn_goes_on(&turn)) {
                if (c->unsettled)
                        r = builtins_ensure(c);
                else if ((l = list_first(&c->orphans)))
                        r = object_collect(c, container_of(l, ObjectState, in_owner));
                else if ((l = list_first(&c->dirty)))
                        r = run_one(c, container_of(l, ObjectState, dirty), &turn);
                else
                        return 0;
                if (r < 0)
                        return r;
        }
        return 1;
}
