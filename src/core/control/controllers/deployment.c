/* SPDX-License-Identifier: Apache-2.0 */
/* Deployments: a ReplicaSet for each version of a template, and the way from one to the next.
 * Kubernetes documentation, "Deployments"; the steps are those of its controller. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/deployment-internal.h"
#include "core/control/owners.h"

#define HASH_LABEL "pod-template-hash"
#define HISTORY "deployment.kubernetes.io/revision-history"
#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static void rollout_done(Rollout *r) {
        for (size_t i = 0; i < r->n_versions; i++)
                edit_done(&r->versions[i].edit);
        free(r->versions);
        edit_done(&r->edit);
}

static void read_strategy(Rollout *r) {
        const Json *strategy = json_get(r->spec, "strategy"), *rolling = json_get(strategy, "rollingUpdate");

        r->replicas = json_i64(json_get(r->spec, "replicas"), 1);
        r->paused = json_is_true(json_get(r->spec, "paused"));
        r->recreate = streq_ptr(json_string(json_get(strategy, "type")), "Recreate");
        if (r->recreate)
                return;
        r->surge = share_of(json_get(rolling, "maxSurge"), r->replicas, true, (r->replicas + 3) / 4);
        r->unavailable = MIN(share_of(json_get(rolling, "maxUnavailable"), r->replicas, false, r->replicas / 4), r->replicas);
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

static int64_t annotated_number(const ObjectState *s, const char *key) {
        const char *text = doc_annotation(s->entry.object->doc, key);
        uint64_t v;

        return text && parse_u64_range(text, 0, INT32_MAX, &v) >= 0 ? (int64_t) v : -1;
}

static int read_version(Rollout *r, ObjectState *s, Version *v) {
        const char *revision = doc_annotation(s->entry.object->doc, DEPLOYMENT_REVISION);
        usec_t min_ready;
        PodCounts pods;
        int k;

        *v = (Version) { .state = s, .desired = annotated_number(s, DEPLOYMENT_DESIRED), .most = annotated_number(s, DEPLOYMENT_MAX_REPLICAS) };
        k = edit_begin(&v->edit, r->cluster, &s->entry);
        if (k < 0)
                return k;
        min_ready = spec_seconds(json_get(v->edit.root, "spec"), "minReadySeconds");
        pods = count_pods(r->cluster, s, min_ready == USEC_INFINITY ? 0 : min_ready);
        v->has = pods.all;
        v->ending = pods.ending;
        v->ready = pods.ready;
        v->available = pods.available;
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

/* One more than the newest of the old ones. */
static uint64_t next_revision(const Rollout *r) {
        uint64_t last = 0;

        for (size_t i = 0; i < r->n_versions; i++)
                if (&r->versions[i] != r->new)
                        last = MAX(last, r->versions[i].revision);
        return last + 1;
}

static void set_number(JsonArena *a, Json *map, const char *key, int64_t v) {
        char digits[24];

        (void) snprintf(digits, sizeof(digits), "%lld", (long long) v);
        json_set_string(a, map, key, digits);
}

/* Annotations that say something about one of both only. */
static bool is_copied(const char *key) {
        static const char *const ours[] = { LAST_APPLIED, DEPLOYMENT_REVISION, HISTORY, DEPLOYMENT_DESIRED, DEPLOYMENT_MAX_REPLICAS };

        for (size_t i = 0; i < ELEMENTSOF(ours); i++)
                if (streq(key, ours[i]))
                        return false;
        return true;
}

/* The revisions that it was before, in order. */
static void note_history(JsonArena *a, Json *annotations, const char *before) {
        const char *history = json_string(json_get(annotations, HISTORY));
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(KIB);

        strbuf_printf(&text, "%s%s%s", strempty(history), history ? "," : "", before);
        json_set_string(a, annotations, HISTORY, strbuf_error(&text) < 0 ? before : strbuf_str(&text)); /* too long: it begins anew */
}

void rollout_note_size(Rollout *r, JsonArena *a, Json *annotations) {
        set_number(a, annotations, DEPLOYMENT_DESIRED, r->replicas);
        set_number(a, annotations, DEPLOYMENT_MAX_REPLICAS, r->replicas + r->surge);
}

/* A ReplicaSet says which revision it is, and what its Deployment says of itself (kubernetes.io/change-cause). */
static void note_revision(Rollout *r, JsonArena *a, Json *annotations, uint64_t revision) {
        const char *before = json_string(json_get(annotations, DEPLOYMENT_REVISION));
        uint64_t was;

        if (before && parse_u64(before, &was) >= 0 && was < revision)
                note_history(a, annotations, before);
        set_number(a, annotations, DEPLOYMENT_REVISION, (int64_t) revision);
        JSON_FOREACH(v, json_at(r->edit.root, "metadata", "annotations", NULL))
                if (is_copied(v->key))
                        json_set(a, annotations, v->key, json_copy(a, v));
}

static Json *make_version(Rollout *r, JsonArena *a, const char *hash) {
        Json *root = json_new(a, JSON_OBJECT), *metadata = json_ensure(a, root, "metadata", JSON_OBJECT), *spec = json_new(a, JSON_OBJECT);
        Json *template = json_copy(a, json_get(r->spec, "template")), *selector = json_copy(a, json_get(r->spec, "selector"));
        Json *annotations = json_ensure(a, metadata, "annotations", JSON_OBJECT);

        json_set_string(a, json_ensure(a, json_ensure(a, template, "metadata", JSON_OBJECT), "labels", JSON_OBJECT), HASH_LABEL, hash);
        json_set_string(a, json_ensure(a, selector, "matchLabels", JSON_OBJECT), HASH_LABEL, hash);
        json_set(a, metadata, "labels", json_copy(a, json_at(template, "metadata", "labels", NULL)));
        rollout_note_size(r, a, annotations);
        note_revision(r, a, annotations, next_revision(r));
        json_set_i64(a, metadata, "generation", 1);
        json_set_i64(a, spec, "replicas", 0);
        if (json_get(r->spec, "minReadySeconds"))
                json_set(a, spec, "minReadySeconds", json_copy(a, json_get(r->spec, "minReadySeconds")));
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
        Json *status = json_ensure(&r->edit.arena, r->edit.root, "status", JSON_OBJECT);
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        _cleanup_error_ Error error = ERROR_NULL;
        char hash[TEMPLATE_HASH_MAX], name[300], message[512];
        int k;

        r->created = true;
        hash_template(json_get(r->spec, "template"), json_i64(json_get(status, "collisionCount"), 0), hash);
        (void) snprintf(name, sizeof(name), "%.242s-%s", object_name(r->state->entry.object), hash);
        k = object_create_owned(r->cluster, &a, &r->state->entry, KIND_REPLICA_SET, name, make_version(r, &a, hash), &error);
        if (k == -EEXIST)
                return resolve_collision(r, name);
        if (k == -ENOMEM)
                return k;
        rollout_set_created(r, status, name, k < 0 ? error_message(&error) : NULL);
        if (k < 0) {
                (void) snprintf(message, sizeof(message), "Failed to create new replica set \"%s\": %s", name, error_message(&error));
                record_event(r->cluster, &r->state->entry, "Warning", "ReplicaSetCreateError", DEPLOYMENT_COMPONENT, "%s", message);
                k = controller_look_at(r->cluster, r->state, controller_retry_time(r->cluster, timed_state(r->state)));
                return k < 0 ? k : edit_commit(&r->edit);
        }
        timed_state(r->state)->n_failures = 0;
        k = edit_commit(&r->edit);
        object_mark(r->cluster, r->state); /* which goes on from here */
        return k;
}

/* A template that was there before (kubectl rollout undo) becomes the newest again; what the Deployment says of itself goes on. */
static int renew_version(Rollout *r) {
        _cleanup_edit_ Edit e = {};
        Json *min_ready = json_get(r->spec, "minReadySeconds");
        int k;

        r->new->revision = MAX(r->new->revision, next_revision(r));
        k = edit_begin(&e, r->cluster, &r->new->state->entry);
        if (k < 0)
                return k;
        note_revision(r, &e.arena, json_ensure(&e.arena, json_get(e.root, "metadata"), "annotations", JSON_OBJECT), r->new->revision);
        if (min_ready)
                json_set(&e.arena, json_get(e.root, "spec"), "minReadySeconds", json_copy(&e.arena, min_ready));
        else
                json_remove(json_get(e.root, "spec"), "minReadySeconds");
        return edit_commit(&e);
}

/* The old ones have to be gone before there is a new one. */
static int recreate(Rollout *r) {
        int k;

        k = rollout_stop_old(r);
        if (k != 0)
                return k;
        for (size_t i = 0; i < r->n_versions; i++)
                if (&r->versions[i] != r->new && r->versions[i].has + r->versions[i].ending > 0)
                        return 0;
        return r->new ? rollout_scale_version(r, r->new, r->replicas) : create_version(r);
}

/* Old ones without pods go when there are more than revisionHistoryLimit. */
static int clean_up(Rollout *r) {
        int64_t limit = json_i64(json_get(r->spec, "revisionHistoryLimit"), 10), too_many = (int64_t) r->n_versions - (r->new != NULL) - limit;
        int k;

        for (size_t i = 0; i < r->n_versions && too_many > 0; i++) {
                Version *v = &r->versions[i];

                if (v == r->new)
                        continue;
                too_many--;
                if (v->wanted > 0 || v->has > 0)
                        continue;
                k = object_delete(r->cluster, &v->state->entry, &(DeleteOptions) { .grace_seconds = -1 });
                if (k < 0)
                        return k;
                v->state = NULL;
        }
        return 0;
}

/* Brings the ReplicaSets a step closer; *ret_rolling: the rollout goes on, so that time runs for it. */
static int advance(Rollout *r, bool *ret_rolling) {
        int k = 0;

        if (r->new)
                k = renew_version(r);
        if (k < 0)
                return k;
        if (r->paused || (!r->recreate && rollout_is_being_scaled(r)))
                return rollout_scale(r);
        *ret_rolling = true;
        if (r->recreate)
                return recreate(r);
        return r->new ? rollout_roll(r) : create_version(r);
}

static int reconcile(Rollout *r) {
        bool rolling = false, complete;
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
                k = advance(r, &rolling);
                if (k < 0 || r->created)
                        return k;
        }
        k = rollout_update_status(r, rolling, &complete);
        if (k >= 0 && (complete || r->paused))
                k = clean_up(r);
        return k;
}

int reconcile_deployment(Cluster *c, ObjectState *s) {
        Rollout r = { .cluster = c, .state = s };
        int k;

        k = reconcile(&r);
        rollout_done(&r);
        return k < 0 ? k : 0;
}
