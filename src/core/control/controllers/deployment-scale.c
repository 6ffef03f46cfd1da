/* SPDX-License-Identifier: Apache-2.0 */
/* How many pods each ReplicaSet of a Deployment is to have. Kubernetes documentation, "Deployments": rolling update, rollover,
 * proportional scaling, in the steps of Kubernetes' controller. */
#include "basic/alloc-util.h"
#include "core/control/controllers/deployment-internal.h"

int64_t rollout_sum_wanted(const Rollout *r) {
        int64_t n = 0;

        for (size_t i = 0; i < r->n_versions; i++)
                n += r->versions[i].wanted;
        return n;
}

int64_t rollout_sum_available(const Rollout *r) {
        int64_t n = 0;

        for (size_t i = 0; i < r->n_versions; i++)
                n += r->versions[i].available;
        return n;
}

int rollout_scale_version(Rollout *r, Version *v, int64_t wanted) {
        const char *name = object_name(v->state->entry.object);
        _cleanup_edit_ Edit e = {};
        int64_t before = v->wanted;
        int k;

        k = edit_begin(&e, r->cluster, &v->state->entry);
        if (k < 0)
                return k;
        rollout_note_size(r, &e.arena, json_ensure(&e.arena, json_get(e.root, "metadata"), "annotations", JSON_OBJECT));
        json_set_i64(&e.arena, json_get(e.root, "spec"), "replicas", wanted);
        k = edit_commit(&e);
        if (k < 0)
                return k;
        v->wanted = wanted;
        if (before == wanted)
                return 0;
        record_event(r->cluster, &r->state->entry, "Normal", "ScalingReplicaSet", DEPLOYMENT_COMPONENT, "Scaled %s replica set %s from %lld to %lld",
                     wanted > before ? "up" : "down", name, (long long) before, (long long) wanted);
        return 1;
}

/* --- Another number of replicas --- */

bool rollout_is_being_scaled(const Rollout *r) {
        for (size_t i = 0; i < r->n_versions; i++)
                if (r->versions[i].wanted > 0 && r->versions[i].desired >= 0 && r->versions[i].desired != r->replicas)
                        return true;
        return false;
}

/* The one to be scaled when no more than one has pods: that one, else the newest; NULL when there are more. */
static Version *only_active(const Rollout *r) {
        Version *active = NULL;

        for (size_t i = 0; i < r->n_versions; i++) {
                if (r->versions[i].wanted == 0)
                        continue;
                if (active)
                        return NULL;
                active = &r->versions[i];
        }
        return active ?: r->new ?: &r->versions[r->n_versions - 1];
}

static int64_t divide_rounded(int64_t a, int64_t b) {
        return (a + (a < 0 ? -b / 2 : b / 2)) / b;
}

/* How much larger (or smaller) this one is to become for its part in the change of the whole. */
static int64_t fraction(const Rollout *r, const Version *v) {
        int64_t before = v->most >= 0 ? v->most : json_i64(json_at(r->edit.root, "status", "replicas", NULL), 0);

        if (r->replicas == 0)
                return -v->wanted;
        if (before == 0)
                return 0;
        return divide_rounded(v->wanted * (r->replicas + r->surge), before) - v->wanted;
}

/* The largest comes first; of those of one size the newer when there is something to add, else the older. */
static bool comes_before(const Version *x, const Version *y, bool add) {
        uint64_t a = x->state->entry.object->id, b = y->state->entry.object->id;

        return x->wanted != y->wanted ? x->wanted > y->wanted : add ? a > b : a < b;
}

static void sort_by_size(Version **v, size_t n, bool add) {
        for (size_t i = 1; i < n; i++)
                for (size_t k = i; k > 0 && comes_before(v[k], v[k - 1], add); k--) {
                        Version *other = v[k];

                        v[k] = v[k - 1];
                        v[k - 1] = other;
                }
}

/* Kubernetes documentation, "Proportional scaling": what rounding leaves goes to the largest. */
static int scale_in_proportion(Rollout *r) {
        _cleanup_free_ Version **active = new0(Version*, r->n_versions);
        _cleanup_free_ int64_t *sizes = new0(int64_t, r->n_versions);
        int64_t change = (r->replicas > 0 ? r->replicas + r->surge : 0) - rollout_sum_wanted(r), done = 0;
        size_t n = 0;
        int changed = 0;

        if (!active || !sizes)
                return -ENOMEM;
        for (size_t i = 0; i < r->n_versions; i++)
                if (r->versions[i].wanted > 0)
                        active[n++] = &r->versions[i];
        sort_by_size(active, n, change > 0);
        for (size_t i = 0; i < n; i++) {
                int64_t part = fraction(r, active[i]), left = change - done;

                if (left == 0)
                        part = 0;
                else
                        part = change > 0 ? MIN(part, left) : MAX(part, left);
                sizes[i] = active[i]->wanted + part;
                done += part;
        }
        sizes[0] = MAX(sizes[0] + change - done, (int64_t) 0);
        for (size_t i = 0; i < n; i++) {
                int k = rollout_scale_version(r, active[i], sizes[i]);

                if (k < 0)
                        return k;
                changed |= k;
        }
        return changed;
}

int rollout_scale(Rollout *r) {
        Version *only;

        if (r->n_versions == 0)
                return 0;
        only = only_active(r);
        if (only)
                return rollout_scale_version(r, only, r->replicas);
        if (r->new && r->new->wanted == r->replicas && r->new->desired == r->replicas && r->new->available == r->replicas)
                return rollout_stop_old(r);
        return r->recreate ? 0 : scale_in_proportion(r);
}

/* --- From the old ones to the new one --- */

/* Up as far as maxSurge lets it, down at once. */
static int scale_new(Rollout *r) {
        int64_t room = MAX(r->replicas + r->surge - rollout_sum_wanted(r), (int64_t) 0), wanted = r->replicas;

        if (r->new->wanted < r->replicas)
                wanted = MIN(r->new->wanted + room, r->replicas);
        return rollout_scale_version(r, r->new, wanted);
}

/* Takes up to `n` from the old ones, the oldest first; only_broken: no more of each than it has that are not available. */
static int scale_old(Rollout *r, int64_t *n, bool only_broken) {
        int changed = 0;

        for (size_t i = 0; i < r->n_versions && *n > 0; i++) {
                Version *v = &r->versions[i];
                int64_t less = MIN(*n, only_broken ? v->wanted - v->available : v->wanted);
                int k;

                if (v == r->new || less <= 0)
                        continue;
                k = rollout_scale_version(r, v, v->wanted - less);
                if (k < 0)
                        return k;
                *n -= less;
                changed = 1;
        }
        return changed;
}

int rollout_stop_old(Rollout *r) {
        int64_t all = INT64_MAX;

        return scale_old(r, &all, false);
}

int rollout_roll(Rollout *r) {
        int64_t least = r->replicas - r->unavailable, may_go;
        int k, changed;

        changed = scale_new(r);
        if (changed < 0)
                return changed;
        may_go = rollout_sum_wanted(r) - least - MAX(r->new->wanted - r->new->available, (int64_t) 0);
        k = scale_old(r, &may_go, true);
        if (k < 0)
                return k;
        changed |= k;
        may_go = MIN(may_go, rollout_sum_available(r) - least);
        k = scale_old(r, &may_go, false);
        return k < 0 ? k : changed | k;
}
