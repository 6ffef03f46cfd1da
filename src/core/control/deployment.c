/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments: a ReplicaSet for each version of a template, and the way from one to the next.
 * Kubernetes documentation, "Deployments"; the steps are those of its controller, whose proportional scaling in the middle of a
 * rollout is left out: then the new ReplicaSet takes what changes. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/controllers.h"
#include "core/control/workload.h"

#define COMPONENT "deployment-controller"
#define HASH_LABEL "pod-template-hash"
#define REVISION "deployment.kubernetes.io/revision"
#define DESIRED "deployment.kubernetes.io/desired-replicas"
#define MAX_REPLICAS "deployment.kubernetes.io/max-replicas"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

/* A ReplicaSet of the Deployment. */
typedef struct Version {
        ObjectState *state;
        Edit edit; /* of its document, only read */
        uint64_t revision;
        int64_t wanted, has, ready;
        bool is_new;
} Version;

typedef struct Rollout {
        Cluster *cluster;
        ObjectState *state; /* of the Deployment */
        Edit edit;
        Json *spec;
        Version *versions; /* oldest revision first */
        size_t n_versions;
        Version *new;      /* NULL: there is none yet */
        int64_t replicas, surge, unavailable;
        bool recreate, paused;
} Rollout;

static void rollout_done(Rollout *r) {
        for (size_t i = 0; i < r->n_versions; i++)
                edit_done(&r->versions[i].edit);
        free(r->versions);
        edit_done(&r->edit);
}

/* A number or a share of n in percent. */
static int64_t share(const Json *v, int64_t n, bool up, int64_t otherwise) {
        const char *s = json_string(v);
        uint64_t percent;
        size_t len;
        char digits[16];

        if (!s)
                return json_i64(v, otherwise);
        len = strlen(s);
        if (len < 2 || len > sizeof(digits) || s[len - 1] != '%')
                return otherwise;
        memcpy(digits, s, len - 1);
        digits[len - 1] = '\0';
        if (parse_u64_range(digits, 0, 100000, &percent) < 0)
                return otherwise;
        return (n * (int64_t) percent + (up ? 99 : 0)) / 100;
}

static void read_strategy(Rollout *r) {
        const Json *strategy = json_get(r->spec, "strategy"), *rolling = json_get(strategy, "rollingUpdate");

        r->replicas = json_i64(json_get(r->spec, "replicas"), 1);
        r->paused = json_is_true(json_get(r->spec, "paused"));
        r->recreate = streq_ptr(json_string(json_get(strategy, "type")), "Recreate");
        if (r->recreate)
                return;
        r->surge = share(json_get(rolling, "maxSurge"), r->replicas, true, (r->replicas + 3) / 4);
        r->unavailable = MIN(share(json_get(rolling, "maxUnavailable"), r->replicas, false, r->replicas / 4), r->replicas);
        if (r->surge == 0 && r->unavailable == 0)
                r->unavailable = 1;
}

/* The same but for the label that tells the versions apart? */
static bool same_template(JsonArena *a, const Json *ours, const Json *theirs) {
        Json *copy = json_copy(a, theirs);

        json_remove(json_at(copy, "metadata", "labels", NULL), HASH_LABEL);
        return json_equal(ours, copy);
}

static int compare_versions(const void *a, const void *b) {
        const Version *x = a, *y = b;

        if (x->revision != y->revision)
                return x->revision < y->revision ? -1 : 1;
        return x->state->entry.object->id < y->state->entry.object->id ? -1 : 1;
}

static int read_version(Rollout *r, ObjectState *s, Version *v) {
        const char *revision = doc_annotation(s->entry.object->doc, REVISION);
        PodCounts pods = count_pods(s);
        int k;

        *v = (Version) { .state = s, .has = pods.all, .ready = pods.ready };
        k = edit_begin(&v->edit, r->cluster, &s->entry);
        if (k < 0)
                return k;
        if (revision)
                (void) parse_u64(revision, &v->revision);
        v->wanted = json_i64(json_at(v->edit.root, "spec", "replicas", NULL), 1);
        v->is_new = same_template(&v->edit.arena, json_get(r->spec, "template"), json_at(v->edit.root, "spec", "template", NULL));
        return 0;
}

static int read_versions(Rollout *r) {
        ObjectState *d;
        size_t n = 0;
        int k;

        LIST_FOREACH(d, &r->state->dependents, ObjectState, in_owner)
                n += d->entry.object->kind == KIND_REPLICA_SET && d->entry.object->doc->deleted == 0;
        r->versions = new0(Version, n + 1);
        if (!r->versions)
                return -ENOMEM;
        LIST_FOREACH(d, &r->state->dependents, ObjectState, in_owner) {
                if (d->entry.object->kind != KIND_REPLICA_SET || d->entry.object->doc->deleted > 0)
                        continue;
                k = read_version(r, d, &r->versions[r->n_versions++]);
                if (k < 0)
                        return k;
        }
        qsort(r->versions, r->n_versions, sizeof(Version), compare_versions);
        for (size_t i = 0; i < r->n_versions; i++)
                if (r->versions[i].is_new && !r->new)
                        r->new = &r->versions[i];
        return 0;
}

static uint64_t last_revision(const Rollout *r) {
        return r->n_versions > 0 ? r->versions[r->n_versions - 1].revision : 0;
}

/* A name for a template: FNV-1a of its text in letters that make no words (as k8s.io/apimachinery, rand.SafeEncodeString). */
static void hash_template(const Json *template, int64_t collisions, char buf[11]) {
        static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);
        uint32_t h = 2166136261u;
        char digits[11];

        json_put(&b, template);
        if (collisions > 0)
                strbuf_put_i64(&b, collisions);
        for (const char *p = strbuf_str(&b); *p; p++)
                h = (h ^ (unsigned char) *p) * 16777619u;
        (void) snprintf(digits, sizeof(digits), "%010u", h);
        for (unsigned i = 0; i < 10; i++)
                buf[i] = letters[(unsigned char) digits[i] % (sizeof(letters) - 1)];
        buf[10] = '\0';
}

static void set_number(JsonArena *a, Json *map, const char *key, int64_t v) {
        char digits[24];

        (void) snprintf(digits, sizeof(digits), "%lld", (long long) v);
        json_set_string(a, map, key, digits);
}

/* What a ReplicaSet says about the rollout that it is of. */
static void annotate(Rollout *r, JsonArena *a, Json *annotations, uint64_t revision) {
        set_number(a, annotations, DESIRED, r->replicas);
        set_number(a, annotations, MAX_REPLICAS, r->replicas + r->surge);
        set_number(a, annotations, REVISION, (int64_t) revision);
}

static Json *make_version(Rollout *r, JsonArena *a, const char *hash) {
        Json *root = json_new(a, JSON_OBJECT), *metadata = json_ensure(a, root, "metadata", JSON_OBJECT), *spec = json_new(a, JSON_OBJECT);
        Json *template = json_copy(a, json_get(r->spec, "template")), *selector = json_copy(a, json_get(r->spec, "selector"));
        Json *annotations = json_ensure(a, metadata, "annotations", JSON_OBJECT);

        json_set_string(a, json_ensure(a, json_ensure(a, template, "metadata", JSON_OBJECT), "labels", JSON_OBJECT), HASH_LABEL, hash);
        json_set_string(a, json_ensure(a, selector, "matchLabels", JSON_OBJECT), HASH_LABEL, hash);
        json_set(a, metadata, "labels", json_copy(a, json_at(template, "metadata", "labels", NULL)));
        JSON_FOREACH(v, json_at(r->edit.root, "metadata", "annotations", NULL))
                if (!streq(v->key, LAST_APPLIED) && !streq(v->key, REVISION))
                        json_set(a, annotations, v->key, json_copy(a, v));
        annotate(r, a, annotations, last_revision(r) + 1);
        json_set_i64(a, metadata, "generation", 1);
        json_set_i64(a, spec, "replicas", 0);
        json_set(a, spec, "selector", selector);
        json_set(a, spec, "template", template);
        json_set(a, root, "spec", spec);
        json_set_i64(a, json_ensure(a, root, "status", JSON_OBJECT), "replicas", 0);
        return root;
}

/* One of that name is there: left by a Deployment that was deleted without it, or of another template. */
static int resolve_collision(Rollout *r, const char *name) {
        const char *slash = strchr(r->state->entry.object->name, '/');
        char key[600];
        StoreEntry *e;
        Json *status;
        int k;

        (void) snprintf(key, sizeof(key), "%.*s%s", slash ? (int) (slash - r->state->entry.object->name + 1) : 0, r->state->entry.object->name, name);
        e = store_find(r->cluster->store, KIND_REPLICA_SET, key);
        if (e && !doc_controller(e->object->doc) && e->object->doc->deleted == 0)
                return set_controller(r->cluster, e, r->state->entry.object, true);
        status = json_ensure(&r->edit.arena, r->edit.root, "status", JSON_OBJECT);
        json_set_i64(&r->edit.arena, status, "collisionCount", json_i64(json_get(status, "collisionCount"), 0) + 1);
        k = edit_commit(&r->edit);
        return k < 0 ? k : 1;
}

static int create_version(Rollout *r) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        _cleanup_error_ Error error = ERROR_NULL;
        char hash[11], name[300];
        int k;

        hash_template(json_get(r->spec, "template"), json_i64(json_at(r->edit.root, "status", "collisionCount", NULL), 0), hash);
        (void) snprintf(name, sizeof(name), "%.242s-%s", object_name(r->state->entry.object), hash);
        k = object_create_owned(r->cluster, &a, &r->state->entry, KIND_REPLICA_SET, name, make_version(r, &a, hash), &error);
        if (k == -EEXIST)
                return resolve_collision(r, name);
        if (k < 0 && k != -ENOMEM) {
                record_event(r->cluster, &r->state->entry, "Warning", "ReplicaSetCreateError", COMPONENT, "Failed to create new replica set \"%s\": %s",
                             name, error_message(&error));
                return 0;
        }
        return k < 0 ? k : 1;
}

/* Has the ReplicaSet want that many. */
static int scale_version(Rollout *r, Version *v, int64_t wanted) {
        const char *name = object_name(v->state->entry.object);
        _cleanup_edit_ Edit e = {};
        int64_t before = v->wanted;
        int k;

        k = edit_begin(&e, r->cluster, &v->state->entry);
        if (k < 0)
                return k;
        annotate(r, &e.arena, json_ensure(&e.arena, json_get(e.root, "metadata"), "annotations", JSON_OBJECT), v->revision);
        json_set_i64(&e.arena, json_get(e.root, "spec"), "replicas", wanted);
        v->wanted = wanted;
        k = edit_commit(&e);
        if (k > 0 && before != wanted)
                record_event(r->cluster, &r->state->entry, "Normal", "ScalingReplicaSet", COMPONENT, "Scaled %s replica set %s from %lld to %lld",
                             wanted > before ? "up" : "down", name, (long long) before, (long long) wanted);
        return k;
}

static int64_t sum_wanted(const Rollout *r) {
        int64_t n = 0;

        for (size_t i = 0; i < r->n_versions; i++)
                n += r->versions[i].wanted;
        return n;
}

static int64_t sum_ready(const Rollout *r) {
        int64_t n = 0;

        for (size_t i = 0; i < r->n_versions; i++)
                n += r->versions[i].ready;
        return n;
}

/* Up as far as maxSurge lets it, down at once. */
static int scale_new(Rollout *r) {
        int64_t room = r->replicas + r->surge - sum_wanted(r), wanted = r->replicas;

        room = MAX(room, (int64_t) 0);
        if (r->new->wanted < r->replicas)
                wanted = MIN(r->new->wanted + room, r->replicas);
        return scale_version(r, r->new, wanted);
}

/* Takes up to `n` from the old ones, the oldest first; only_broken: no more of each than it has that are not ready. */
static int scale_old(Rollout *r, int64_t *n, bool only_broken) {
        for (size_t i = 0; i < r->n_versions && *n > 0; i++) {
                Version *v = &r->versions[i];
                int64_t less = MIN(*n, only_broken ? v->wanted - v->ready : v->wanted);
                int k;

                if (v == r->new || less <= 0)
                        continue;
                k = scale_version(r, v, v->wanted - less);
                if (k < 0)
                        return k;
                *n -= less;
        }
        return 0;
}

static int roll(Rollout *r) {
        int64_t least = r->replicas - r->unavailable, may_go;
        int k;

        k = scale_new(r);
        if (k < 0)
                return k;
        may_go = sum_wanted(r) - least - MAX(r->new->wanted - r->new->ready, (int64_t) 0);
        k = scale_old(r, &may_go, true);
        if (k < 0)
                return k;
        may_go = MIN(may_go, sum_ready(r) - least);
        return scale_old(r, &may_go, false);
}

static int recreate(Rollout *r) {
        int64_t all = INT64_MAX;
        int k;

        k = scale_old(r, &all, false);
        if (k < 0)
                return k;
        for (size_t i = 0; i < r->n_versions; i++) {
                PodCounts n = count_pods(r->versions[i].state);

                if (&r->versions[i] != r->new && n.all + n.ending > 0)
                        return 0; /* the old ones have to be gone first */
        }
        return scale_version(r, r->new, r->replicas);
}

/* Old ones without pods go when there are more than revisionHistoryLimit. */
static int clean_up(Rollout *r) {
        int64_t limit = json_i64(json_get(r->spec, "revisionHistoryLimit"), 10), old = (int64_t) r->n_versions - (r->new != NULL);
        int k;

        for (size_t i = 0; i < r->n_versions && old > limit; i++) {
                Version *v = &r->versions[i];

                if (v == r->new || v->wanted > 0 || v->has > 0)
                        continue;
                k = object_delete(r->cluster, &v->state->entry, &(DeleteOptions) { .grace_seconds = -1 });
                if (k < 0)
                        return k;
                v->state = NULL;
                old--;
        }
        return 0;
}

static void set_progressing(Rollout *r, Json *status, bool complete) {
        const char *name = r->new ? object_name(r->new->state->entry.object) : "";
        char message[512];

        if (r->paused) {
                status_set_condition(&r->edit, status, "Progressing", "Unknown", "DeploymentPaused", "Deployment is paused");
                return;
        }
        (void) snprintf(message, sizeof(message), complete ? "ReplicaSet \"%s\" has successfully progressed." : "ReplicaSet \"%s\" is progressing.", name);
        status_set_condition(&r->edit, status, "Progressing", "True", complete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated", message);
}

static int update_status(Rollout *r) {
        Json *status = json_ensure(&r->edit.arena, r->edit.root, "status", JSON_OBJECT);
        Json *annotations = json_ensure(&r->edit.arena, json_get(r->edit.root, "metadata"), "annotations", JSON_OBJECT);
        int64_t all = 0, ready = 0, updated = r->new ? r->new->has : 0;
        bool enough, complete;

        for (size_t i = 0; i < r->n_versions; i++) {
                all += r->versions[i].has;
                ready += r->versions[i].ready;
        }
        enough = ready >= r->replicas - r->unavailable;
        complete = r->new && updated == r->replicas && all == r->replicas && ready >= r->replicas;
        if (r->new)
                set_number(&r->edit.arena, annotations, REVISION, (int64_t) r->new->revision);
        status_set_count(&r->edit, status, "observedGeneration", r->state->entry.object->doc->generation);
        status_set_count(&r->edit, status, "replicas", all);
        status_set_count(&r->edit, status, "updatedReplicas", updated);
        status_set_count(&r->edit, status, "readyReplicas", ready);
        status_set_count(&r->edit, status, "availableReplicas", ready);
        all = MAX(all, r->replicas);
        status_set_count(&r->edit, status, "unavailableReplicas", MAX(all - ready, (int64_t) 0));
        status_set_condition(&r->edit, status, "Available", enough ? "True" : "False",
                             enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                             enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.");
        set_progressing(r, status, complete);
        return edit_commit(&r->edit);
}

/* A template that was there before (kubectl rollout undo) becomes the newest again. */
static void renew_revision(Rollout *r) {
        if (r->new->revision < last_revision(r))
                r->new->revision = last_revision(r) + 1;
}

static int reconcile(Rollout *r) {
        int k;

        k = edit_begin(&r->edit, r->cluster, &r->state->entry);
        if (k < 0)
                return k;
        r->spec = json_get(r->edit.root, "spec");
        read_strategy(r);
        k = read_versions(r);
        if (k < 0)
                return k;
        if (r->state->entry.object->doc->deleted == 0) {
                if (!r->new && !r->paused)
                        return create_version(r); /* which marks this one again */
                if (r->new && !r->paused) {
                        renew_revision(r);
                        k = r->recreate ? recreate(r) : roll(r);
                }
                if (r->new && r->paused && r->n_versions == 1)
                        k = scale_version(r, r->new, r->replicas);
                if (k < 0)
                        return k;
        }
        k = update_status(r);
        return k < 0 ? k : clean_up(r);
}

int reconcile_deployment(Cluster *c, ObjectState *s) {
        Rollout r = { .cluster = c, .state = s };
        int k;

        k = reconcile(&r);
        rollout_done(&r);
        return k < 0 ? k : 0;
}
