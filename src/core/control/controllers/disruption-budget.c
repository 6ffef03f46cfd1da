/* SPDX-License-Identifier: Apache-2.0 */
/* PodDisruptionBudgets: how many of the pods that they select may be evicted now.
 * Kubernetes documentation, "Specifying a Disruption Budget for your Application". */
#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/disruption-budget.h"
#include "core/control/controllers/workload.h"
#include "core/control/owners.h"
#include "core/control/selectors.h"

#define STATUS_MAX (4 * MIB)

static bool counts(const Pod *p) {
        return p->status != POD_SUCCEEDED && p->status != POD_FAILED;
}

/* The first budget, or pod, of the namespace that the object is in. */
static StoreEntry *first_beside(Cluster *c, Kind kind, const Object *o) {
        const char *slash = strchr(o->name, '/');
        char from[256] = "";
        StoreEntry *e;

        if (slash)
                memcpy(from, o->name, MIN((size_t) (slash - o->name + 1), sizeof(from) - 1));
        e = store_find_from(c->store, kind, from);
        return e && object_shares_namespace(e->object, o) ? e : NULL;
}

static StoreEntry *next_beside(StoreEntry *e, const Object *o) {
        e = store_following(e);
        return e && object_shares_namespace(e->object, o) ? e : NULL;
}

static void add_pod(BudgetState *bs, const Object *pod, const char *selector, int64_t by) {
        const Pod *p = (const Pod*) pod;

        if (!pod || !counts(p) || !kept_selector_matches(selector, pod->doc))
                return;
        bs->expected += by;
        bs->healthy += pod_is_ready(p) ? by : 0;
}

/* Counts all that it selects: once, what changes later is added and taken away. */
static int count_selected(Cluster *c, BudgetState *bs) {
        const char *selector = selector_kept(&bs->common);

        if (!selector)
                return -ENOMEM;
        bs->expected = bs->healthy = 0;
        for (StoreEntry *e = first_beside(c, KIND_POD, bs->common.entry.object); e; e = next_beside(e, bs->common.entry.object))
                add_pod(bs, e->object, selector, 1);
        bs->counted = true;
        return 0;
}

static void follow_pod(Cluster *c, BudgetState *bs, const Object *old, const Object *new) {
        int64_t expected = bs->expected, healthy = bs->healthy;
        const char *selector;

        if (!bs->counted) /* it is marked */
                return;
        selector = selector_kept(&bs->common);
        if (!selector)
                bs->counted = false;
        else {
                add_pod(bs, old, selector, -1);
                add_pod(bs, new, selector, 1);
        }
        if (!bs->counted || bs->expected != expected || bs->healthy != healthy)
                object_mark(c, &bs->common);
}

void budgets_follow(Cluster *c, const Object *old, const Object *new) {
        const Object *o = new ?: old;

        if (o->kind == KIND_POD_DISRUPTION_BUDGET && old && new && !streq(old->doc->spec, new->doc->spec))
                budget_state(store_find(c->store, o->kind, o->name))->counted = false;
        if (o->kind != KIND_POD || (old && new && old->doc == new->doc && ((const Pod*) old)->status == ((const Pod*) new)->status &&
                                   ((const Pod*) old)->lost == ((const Pod*) new)->lost))
                return;
        for (StoreEntry *e = store_count(c->store, KIND_POD_DISRUPTION_BUDGET) > 0 ? first_beside(c, KIND_POD_DISRUPTION_BUDGET, o) : NULL; e;
             e = next_beside(e, o))
                follow_pod(c, budget_state(e), old, new);
}

int budget_read_status(const Object *budget, JsonArena *a, Json **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(STATUS_MAX);
        char *text;

        strbuf_printf(&b, "{%s}", budget->doc->status);
        if (strbuf_error(&b) < 0)
                return strbuf_error(&b);
        text = json_arena_copy(a, b.data, b.size);
        return text ? json_tree_parse(a, text, b.size, ret, NULL) : json_arena_error(a);
}

int find_blocking_budget(Cluster *c, const Object *pod, JsonArena *a, const Object **ret, const Json **ret_status) {
        *ret = NULL;
        for (StoreEntry *e = first_beside(c, KIND_POD_DISRUPTION_BUDGET, pod); e; e = next_beside(e, pod)) {
                Json *status;
                int r;

                if (!selects(object_state(e), pod))
                        continue;
                r = budget_read_status(e->object, a, &status);
                if (r < 0)
                        return r;
                if (json_i64(json_get(status, "disruptionsAllowed"), 0) > 0)
                        continue;
                *ret = e->object;
                *ret_status = status;
                return 0;
        }
        return 0;
}

int reconcile_disruption_budget(Cluster *c, ObjectState *s) {
        BudgetState *bs = budget_state(&s->entry);
        _cleanup_edit_ Edit e = {};
        int64_t desired, allowed;
        const Json *spec;
        Json *status;
        int r;

        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        spec = json_get(e.root, "spec");
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        if (!bs->counted)
                r = count_selected(c, bs);
        if (r < 0)
                return r;
        if (json_get(spec, "maxUnavailable"))
                desired = MAX(bs->expected - share_of(json_get(spec, "maxUnavailable"), bs->expected, true, 0), (int64_t) 0);
        else
                desired = share_of(json_get(spec, "minAvailable"), bs->expected, true, 0);
        allowed = bs->expected > 0 ? MAX(bs->healthy - desired, (int64_t) 0) : 0;
        json_set_i64(&e.arena, status, "expectedPods", bs->expected);
        json_set_i64(&e.arena, status, "currentHealthy", bs->healthy);
        json_set_i64(&e.arena, status, "desiredHealthy", desired);
        json_set_i64(&e.arena, status, "disruptionsAllowed", allowed);
        status_set_count(&e, status, "observedGeneration", s->entry.object->doc->generation);
        status_set_condition(&e, status, "DisruptionAllowed", allowed > 0 ? "True" : "False", allowed > 0 ? "SufficientPods" : "InsufficientPods", "");
        r = edit_commit(&e);
        return r < 0 ? r : 0;
}
