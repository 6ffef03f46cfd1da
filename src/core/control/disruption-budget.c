/* SPDX-License-Identifier: Apache-2.0 */
/* PodDisruptionBudgets: how many of the pods that they select may be evicted now.
 * Kubernetes documentation, "Specifying a Disruption Budget for your Application". */
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/controllers.h"
#include "core/control/selectors.h"
#include "core/control/workload.h"

static int64_t resolve(const Json *v, int64_t n) {
        const char *s = json_string(v);
        uint64_t percent = 0;
        char digits[8];
        size_t len;

        if (!s)
                return json_i64(v, 0);
        len = strlen(s);
        if (len < 2 || len > sizeof(digits) || s[len - 1] != '%')
                return 0;
        memcpy(digits, s, len - 1);
        digits[len - 1] = '\0';
        (void) parse_u64_range(digits, 0, 100, &percent);
        return (n * (int64_t) percent + 99) / 100; /* rounded up, both of them */
}

/* Counts the pods that it selects. */
static void count_selected(Cluster *c, const Object *budget, const Json *selector, int64_t *ret_expected, int64_t *ret_healthy) {
        const char *slash = strchr(budget->name, '/');
        char from[256] = "";

        *ret_expected = *ret_healthy = 0;
        if (slash)
                memcpy(from, budget->name, MIN((size_t) (slash - budget->name + 1), sizeof(from) - 1));
        for (StoreEntry *e = store_find_from(c->store, KIND_POD, from); e; e = store_following(e)) {
                const Pod *p = (const Pod*) e->object;

                if (!object_shares_namespace(e->object, budget))
                        break;
                if (p->status == POD_SUCCEEDED || p->status == POD_FAILED || !label_selector_matches(selector, p->object.doc))
                        continue;
                (*ret_expected)++;
                *ret_healthy += pod_is_ready(p);
        }
}

int reconcile_disruption_budget(Cluster *c, ObjectState *s) {
        _cleanup_edit_ Edit e = {};
        int64_t expected, healthy, desired, allowed;
        const Json *spec;
        Json *status;
        int r;

        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        spec = json_get(e.root, "spec");
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        count_selected(c, s->entry.object, json_get(spec, "selector"), &expected, &healthy);
        if (json_get(spec, "maxUnavailable"))
                desired = MAX(expected - resolve(json_get(spec, "maxUnavailable"), expected), (int64_t) 0);
        else
                desired = resolve(json_get(spec, "minAvailable"), expected);
        allowed = expected > 0 ? MAX(healthy - desired, (int64_t) 0) : 0;
        json_set_i64(&e.arena, status, "expectedPods", expected);
        json_set_i64(&e.arena, status, "currentHealthy", healthy);
        json_set_i64(&e.arena, status, "desiredHealthy", desired);
        json_set_i64(&e.arena, status, "disruptionsAllowed", allowed);
        status_set_count(&e, status, "observedGeneration", s->entry.object->doc->generation);
        status_set_condition(&e, status, "DisruptionAllowed", allowed > 0 ? "True" : "False", allowed > 0 ? "SufficientPods" : "InsufficientPods", "");
        r = edit_commit(&e);
        return r < 0 ? r : 0;
}
