/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/job-tally.h"
#include "core/control/controllers/stateful-pods.h"
#include "core/control/controllers/workload.h"
#include "core/control/selectors.h"
#include "tests/sim/workloads-internal.h"

static Json *tree(Workloads *w, JsonArena *a, const Object *o) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *root = NULL;

        doc_put(o->doc, &b);
        must(json_tree_parse(a, json_arena_copy(a, b.data, b.size), b.size, &root, NULL) >= 0);
        return root;
}

static void check_deployment(Workloads *w, const ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *status = json_get(root, "status");
        int64_t wanted = json_i64(json_at(root, "spec", "replicas", NULL), 1), has = 0;
        ObjectState *rs;

        LIST_FOREACH(rs, &s->dependents, ObjectState, in_owner)
                has += count_pods(w->cluster, rs, 0).all;
        must(json_i64(json_get(status, "observedGeneration"), 0) == s->entry.object->doc->generation);
        if (!json_is_true(json_at(root, "spec", "paused", NULL)) && store_count(cluster_store(w->cluster), KIND_NODE) > 0 &&
            status_has_condition(status, "Available"))
                must(has >= wanted);
        if (!json_is_true(json_at(root, "spec", "paused", NULL)) && json_i64(json_get(status, "availableReplicas"), 0) == has)
                must(has == wanted); /* nothing that it waits for */
}

/* Counted here on its own: those that have run for as long as the ReplicaSet asks for. */
static int64_t count_available_of(Workloads *w, const ObjectState *rs) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        usec_t span = (usec_t) json_i64(json_at(tree(w, &a, rs->entry.object), "spec", "minReadySeconds", NULL), 0) * USEC_PER_SEC;
        ObjectState *pod;
        int64_t n = 0;

        LIST_FOREACH(pod, &rs->dependents, ObjectState, in_owner) {
                const Pod *p = (const Pod*) pod->entry.object;

                n += p->object.kind == KIND_POD && pod_is_ready(p) && p->deleted == 0 && pod_ready_since(p) + span <= cluster_realtime(w->cluster, w->now);
        }
        return n;
}

static int64_t count_available(Workloads *w, const ObjectState *deployment) {
        ObjectState *rs;
        int64_t n = 0;

        LIST_FOREACH(rs, &deployment->dependents, ObjectState, in_owner)
                n += count_available_of(w, rs);
        return n;
}

/* maxSurge or maxUnavailable, resolved as Kubernetes documents it. */
static int64_t amount(const Json *root, const char *key, int64_t replicas, bool up) {
        const Json *v = json_at(root, "spec", "strategy", "rollingUpdate", key, NULL);
        const char *s = json_string(v);

        if (!s)
                return json_i64(v, 0);
        return streq(s, "100%") ? replicas : (replicas + (up ? 3 : 0)) / 4;
}

/* -1 when it has no least number of pods. */
static int64_t least_available(const Json *root, int64_t replicas) {
        int64_t surge = amount(root, "maxSurge", replicas, true), unavailable = MIN(amount(root, "maxUnavailable", replicas, false), replicas);

        if (!json_at(root, "spec", "strategy", "rollingUpdate", NULL))
                return -1;
        return replicas - (surge == 0 && unavailable == 0 ? 1 : unavailable);
}

/* Has a ReplicaSet pods that it has yet to take away? They may have become available since that was decided. */
static bool takes_away(Workloads *w, const ObjectState *deployment) {
        ObjectState *rs;

        LIST_FOREACH(rs, &deployment->dependents, ObjectState, in_owner) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);

                if (rs->entry.object->kind == KIND_REPLICA_SET &&
                    timed_state(rs)->pods.all > json_i64(json_at(tree(w, &a, rs->entry.object), "spec", "replicas", NULL), 1))
                        return true;
        }
        return false;
}

/* One whose controller has yet to see a new number of replicas will take pods away for that. */
void note_deployments(Workloads *w) {
        w->n_before = 0;
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_DEPLOYMENT, NULL); e; e = store_following(e)) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
                const Json *root = tree(w, &a, e->object);

                if (json_i64(json_at(root, "status", "observedGeneration", NULL), 0) != e->object->doc->generation || takes_away(w, object_state(e)))
                        continue;
                must(w->n_before < ELEMENTSOF(w->before));
                w->before[w->n_before++] = (Before) { .uid = e->object->uid, .available = count_available(w, object_state(e)),
                        .replicas = json_i64(json_at(root, "spec", "replicas", NULL), 1) };
        }
}

/* Never more pods than maxSurge allows, but for those of ReplicaSets that an earlier Deployment has left behind and this one has
 * adopted: they are older than it; and where nobody takes pods away, never fewer available than maxUnavailable allows. */
static void check_rollout(Workloads *w, const ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object);
        int64_t replicas = json_i64(json_at(root, "spec", "replicas", NULL), 1), wanted = 0, least = least_available(root, replicas);
        ObjectState *rs;

        if (least < 0 || s->entry.object->doc->deleted > 0)
                return;
        LIST_FOREACH(rs, &s->dependents, ObjectState, in_owner)
                if (rs->entry.object->doc->deleted == 0 && rs->entry.object->id > s->entry.object->id)
                        wanted += json_i64(json_at(tree(w, &a, rs->entry.object), "spec", "replicas", NULL), 1);
        if (!controllers_wait(w->cluster) && !w->left)
                must(wanted <= replicas + amount(root, "maxSurge", replicas, true));
        for (size_t i = 0; w->calm && i < w->n_before; i++)
                if (memcmp(&w->before[i].uid, &s->entry.object->uid, sizeof(Uuid)) == 0 && w->before[i].replicas == replicas && w->before[i].available >= least)
                        must(count_available(w, s) >= least);
}

/* --- Jobs: what has succeeded is kept beside, to compare --- */

void note_successes(Workloads *w) {
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e)) {
                const ObjectState *owner = object_state(e)->owner;
                Success s = { .pod = e->object->uid, .index = -1, .revision = e->object->revision };
                const char *index = doc_annotation(e->object->doc, "batch.kubernetes.io/job-completion-index");
                bool known = false;

                if (((const Pod*) e->object)->status != POD_SUCCEEDED || !owner || owner->entry.object->kind != KIND_JOB)
                        continue;
                for (size_t i = 0; i < w->n_successes && !known; i++)
                        known = memcmp(&w->successes[i].pod, &s.pod, sizeof(Uuid)) == 0;
                if (known)
                        continue;
                must(w->n_successes < ELEMENTSOF(w->successes));
                s.job = owner->entry.object->uid;
                if (index)
                        s.index = *index - '0';
                w->successes[w->n_successes++] = s;
        }
}

/* What is kept by change is what is found by going through its pods. */
static void check_tally(Workloads *w, ObjectState *s) {
        const PodTally *n = &timed_state(s)->pods;
        const JobTally *t = timed_state(s)->job;
        uint32_t failed = 0, succeeded = 0;
        int64_t later = 0, running = 0;
        uint64_t restarts = 0;
        ObjectState *d;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                const Pod *p = (const Pod*) d->entry.object;

                if (p->object.kind != KIND_POD)
                        continue;
                failed += p->status == POD_FAILED;
                succeeded += p->status == POD_SUCCEEDED;
                restarts += pod_is_active(p) ? p->restarts : 0;
                later += t && p->status == POD_FAILED && job_pod_end(p) > t->last_success;
                running += t && pod_is_active(p) && job_index_below(&p->object, (int64_t) t->n) >= 0;
        }
        must(n->failed == failed && n->succeeded == succeeded && n->restarts == restarts);
        must(!t || t->miscounted || t->n_failures == later);
        for (size_t i = 0; t && i < t->n; i++)
                running -= t->running[i];
        must(running == 0);
}

static void check_job(Workloads *w, ObjectState *s, bool rest) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *status = json_get(root, "status"), *spec = json_get(root, "spec");
        int64_t succeeded = json_i64(json_get(status, "succeeded"), 0), seen = 0, indexes = 0;
        bool over = status_has_condition(status, "Complete") || status_has_condition(status, "Failed");

        for (size_t i = 0; i < w->n_successes; i++)
                if (memcmp(&w->successes[i].job, &s->entry.object->uid, sizeof(Uuid)) == 0) {
                        seen++;
                        must(w->successes[i].index < 0 || !(indexes & 1 << w->successes[i].index)); /* each completed once */
                        if (w->successes[i].index >= 0)
                                indexes |= 1 << w->successes[i].index;
                }
        must(succeeded <= seen && succeeded <= json_i64(json_get(spec, "completions"), 0));
        must(!status_has_condition(status, "Complete") || succeeded == json_i64(json_get(spec, "completions"), 0));
        if (!rest || s->entry.object->doc->deleted > 0)
                return;
        check_tally(w, s);
        must(succeeded == seen);
        must(!over || (count_pods(w->cluster, s, 0).all == 0 && !json_get(spec, "ttlSecondsAfterFinished")));
        must(over || json_is_true(json_get(spec, "suspend")) || !json_get(spec, "activeDeadlineSeconds") || count_pods(w->cluster, s, 0).ending > 0);
        must(!json_at(status, "uncountedTerminatedPods", "succeeded", NULL) && !json_at(status, "uncountedTerminatedPods", "failed", NULL));
}

/* Every time of its schedule had its turn, and what has ended is forgotten. */
static void check_cron_job(Workloads *w, const ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *spec = json_get(root, "spec"), *status = json_get(root, "status");
        usec_t now = cluster_realtime(w->cluster, w->now), period = (usec_t) (json_string(json_get(spec, "schedule"))[2] - '0') * USEC_PER_MINUTE;
        int64_t complete = 0, failed = 0, active = 0;
        ObjectState *job;

        LIST_FOREACH(job, &s->dependents, ObjectState, in_owner) {
                const Json *of = json_get(tree(w, &a, job->entry.object), "status");

                complete += status_has_condition(of, "Complete");
                failed += status_has_condition(of, "Failed");
                active += !status_has_condition(of, "Complete") && !status_has_condition(of, "Failed") && job->entry.object->doc->deleted == 0;
        }
        must(complete <= json_i64(json_get(spec, "successfulJobsHistoryLimit"), -1));
        must(failed <= json_i64(json_get(spec, "failedJobsHistoryLimit"), -1));
        must(active == (json_get(status, "active") ? (int64_t) json_get(status, "active")->size : 0));
        must(active <= 1 || streq(json_string(json_get(spec, "concurrencyPolicy")), "Allow"));
        if (!json_is_true(json_get(spec, "suspend")) && !(active > 0 && streq(json_string(json_get(spec, "concurrencyPolicy")), "Forbid")))
                must(status_time(status, "lastScheduleTime") + period > now);
}

/* Of each DaemonSet a node has one pod, or, with maxSurge, one of each of two templates, which no more nodes have than that. */
static void check_daemons(Workloads *w, ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object);
        bool surges = json_i64(json_at(root, "spec", "updateStrategy", "rollingUpdate", "maxSurge", NULL), 0) > 0;
        const ObjectState *d;

        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_NODE, NULL); e; e = store_following(e)) {
                unsigned pods = 0;

                LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                        pods += d->entry.object->kind == KIND_POD && ((const PodState*) d)->node == node_state(e) && pod_is_active((const Pod*) d->entry.object);
                must(pods <= 1u + surges);
        }
}

void check_each(Workloads *w) {
        Store *store = cluster_store(w->cluster);

        for (StoreEntry *e = store_find_from(store, KIND_DEPLOYMENT, NULL); e; e = store_following(e))
                check_rollout(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_JOB, NULL); e; e = store_following(e))
                check_job(w, object_state(e), false);
        for (StoreEntry *e = store_find_from(store, KIND_DAEMON_SET, NULL); e; e = store_following(e))
                check_daemons(w, object_state(e));
}

static void check_service(Workloads *w, const ObjectState *s) {
        _cleanup_json_arena_ JsonArena own = JSON_ARENA_INIT(4 * MIB);
        const Json *selector = json_at(tree(w, &own, s->entry.object), "spec", "selector", NULL);
        const Object *service = s->entry.object;
        size_t pods = 0, listed = 0, ready = 0, listed_ready = 0;
        ObjectState *slice;

        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e)) {
                const Pod *p = (const Pod*) e->object;

                if (!object_shares_namespace(e->object, service) || p->ip == 0 || p->status == POD_SUCCEEDED || p->status == POD_FAILED ||
                    !label_map_matches(selector, e->object->doc))
                        continue;
                pods++;
                ready += pod_is_ready(p);
        }
        LIST_FOREACH(slice, &s->dependents, ObjectState, in_owner)
                if (slice->entry.object->kind == KIND_ENDPOINT_SLICE) {
                        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
                        const Json *endpoints = json_get(tree(w, &a, slice->entry.object), "endpoints");

                        listed += endpoints ? endpoints->size : 0;
                        JSON_FOREACH(endpoint, endpoints)
                                listed_ready += json_is_true(json_at(endpoint, "conditions", "ready", NULL));
                }
        must(pods == listed && ready == listed_ready);
}

/* Each node that lives has one pod of the present template, or no room for it (or has come to have some just now); no more old versions
 * of it are kept than it wants. */
static void check_daemon_set(Workloads *w, ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *template = json_at(root, "spec", "template", NULL);
        bool waits = timed_state(s)->look.item.index != PRIOQ_NONE;
        int64_t nodes = 0, revisions = 0, current = 0, ready = 0;
        char hash[TEMPLATE_HASH_MAX];
        ObjectState *d;

        hash_template(template, 0, hash);
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_NODE, NULL); e; e = store_following(e), nodes++) {
                const NodeState *ns = node_state(e);
                int64_t pods = 0;

                LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                        if (d->entry.object->kind == KIND_POD && ((PodState*) d)->node == ns) {
                                pods++;
                                ready += pod_is_ready((const Pod*) d->entry.object);
                                must(!ns->sched.open || waits || streq(doc_label(d->entry.object->doc, "controller-revision-hash"), hash));
                        }
                current += pods > 0;
                must(pods <= 1 && (pods == 1 || !ns->sched.open || waits));
        }
        must(json_i64(json_at(root, "status", "desiredNumberScheduled", NULL), -1) == nodes);
        must(json_i64(json_at(root, "status", "currentNumberScheduled", NULL), -1) == current && json_i64(json_at(root, "status", "numberReady", NULL), -1) == ready);
        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                revisions += d->entry.object->kind == KIND_CONTROLLER_REVISION;
        must(waits || revisions >= 1);
        must(revisions <= 1 + json_i64(json_at(root, "spec", "revisionHistoryLimit", NULL), 0) || waits ||
             json_i64(json_at(root, "status", "updatedNumberScheduled", NULL), 0) < nodes);
}

/* Each pod has its claim, which is the StatefulSet's if it is to go with it, and else nobody's. */
static void check_claims(Workloads *w, ObjectState *s, const Json *root) {
        bool goes = streq(json_string(json_at(root, "spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted", NULL)), "Delete");
        ObjectState *d;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                const char *slash = strchr(d->entry.object->name, '/');
                StoreEntry *claim;
                char key[128];

                (void) snprintf(key, sizeof(key), "%.*sv-%s", slash ? (int) (slash - d->entry.object->name + 1) : 0, d->entry.object->name, object_name(d->entry.object));
                claim = d->entry.object->kind == KIND_POD ? store_find(cluster_store(w->cluster), KIND_PERSISTENT_VOLUME_CLAIM, key) : NULL;
                must(d->entry.object->kind != KIND_POD || (claim && object_state(claim)->owner == (goes ? s : NULL)));
        }
}

/* What is kept by change is what is found by going through its pods. */
static void check_ordinals(Workloads *w, ObjectState *s) {
        const StatefulPods *t = timed_state(s)->ordinals;
        int64_t pods = 0, ready = 0;
        ObjectState *d;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                if (d->entry.object->kind == KIND_POD) {
                        const Pod *p = (const Pod*) d->entry.object;
                        int64_t slot = stateful_ordinal(s->entry.object, d->entry.object) - t->base;

                        must(slot >= 0 && slot < (int64_t) t->table.n && flag_table_has(&t->table, (size_t) slot, STATEFUL_PRESENT));
                        must(flag_table_has(&t->table, (size_t) slot, STATEFUL_READY) == (pod_is_active(p) && pod_is_ready(p)));
                        ready += flag_table_has(&t->table, (size_t) slot, STATEFUL_READY);
                        pods++;
                }
        must(pods == t->table.counts[STATEFUL_PRESENT] && ready == t->table.counts[STATEFUL_READY] && t->table.counts[FLAG_DIRTY] == 0);
}

/* Numbers from 0 on, all of them unless one waits; and then those that the partition does not hold back are of the present
 * template, and the status says so. */
static void check_stateful_set(Workloads *w, ObjectState *s) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        const Json *root = tree(w, &a, s->entry.object), *status = json_get(root, "status");
        int64_t replicas = json_i64(json_at(root, "spec", "replicas", NULL), 1), ordinals = 0, pods = 0, ready = 0;
        int64_t partition = json_i64(json_at(root, "spec", "updateStrategy", "rollingUpdate", "partition", NULL), 0);
        bool parallel = streq(json_string(json_at(root, "spec", "podManagementPolicy", NULL)), "Parallel");
        const char *revision = strempty(json_string(json_get(status, "updateRevision")));
        ObjectState *d;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                if (d->entry.object->kind == KIND_POD) {
                        ordinals |= INT64_C(1) << (d->entry.object->name[strlen(d->entry.object->name) - 1] - '0');
                        pods++;
                        ready += pod_is_ready((const Pod*) d->entry.object);
                }
        check_ordinals(w, s);
        ordinals &= (INT64_C(1) << replicas) - 1; /* of those beyond, which are to go, any may have gone */
        /* It tries again to make one, or, in order, waits for one before that. */
        must(timed_state(s)->look.item.index != PRIOQ_NONE || (ordinals & (ordinals + 1)) == 0 || (ready < pods && !parallel));
        must(pods == json_i64(json_get(status, "replicas"), -1) && ready == json_i64(json_get(status, "readyReplicas"), 0));
        must(pods == replicas || ready < pods || timed_state(s)->look.item.index != PRIOQ_NONE);
        if (pods != replicas || ready < pods || ordinals != (INT64_C(1) << replicas) - 1)
                return;
        check_claims(w, s, root);
        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                if (d->entry.object->kind == KIND_POD && d->entry.object->name[strlen(d->entry.object->name) - 1] - '0' >= partition)
                        must(streq(doc_label(d->entry.object->doc, "controller-revision-hash"), revision));
        if (partition == 0 || json_i64(json_get(status, "updatedReplicas"), 0) == replicas)
                must(streq_ptr(json_string(json_get(status, "currentRevision")), revision));
}

void check_controllers(Workloads *w) {
        Store *store = cluster_store(w->cluster);

        for (StoreEntry *e = store_find_from(store, KIND_DEPLOYMENT, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_deployment(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_JOB, NULL); e; e = store_following(e))
                check_job(w, object_state(e), true);
        for (StoreEntry *e = store_find_from(store, KIND_CRON_JOB, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_cron_job(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_DAEMON_SET, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_daemon_set(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_STATEFUL_SET, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0)
                        check_stateful_set(w, object_state(e));
        for (StoreEntry *e = store_find_from(store, KIND_SERVICE, NULL); e; e = store_following(e))
                if (e->object->doc->deleted == 0 && !streq(e->object->name, "kubernetes"))
                        check_service(w, object_state(e));
}
