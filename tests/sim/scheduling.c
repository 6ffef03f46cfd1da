/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/scheduling.h"

#include <stdio.h>
#include <stdlib.h>

#include "basic/alloc-util.h"
#include "basic/prng.h"
#include "basic/string-util.h"
#include "core/cluster.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/pods.h"
#include "core/control/what-if.h"
#include "core/sched/algorithms.h"
#include "tests/sim/memory.h"
#include "tests/sim/saved.h"

#define STEPS 400
#define NODES 6
#define PODS 40
#define ZONES 2
#define EPOCH (UINT64_C(1700000000) * USEC_PER_SEC)

/* What pods are like; which one a pod is of its label "t" says. */
typedef struct Template {
        int64_t cpu, memory; /* millicores, MiB */
        int priority;
        const char *disk;
        bool tolerates, alone, spread, port; /* alone: one on a node; spread: over zones, skew 1 */
        unsigned gang; /* how many have to be there, of all templates with that number; 0: it is of none */
} Template;

static const Template templates[] = {
        { .cpu = 500 }, { .cpu = 1500, .memory = 2048 }, { .cpu = 1000, .disk = "ssd" }, { .cpu = 500, .alone = true }, { .cpu = 500, .spread = true },
        { .cpu = 1000, .tolerates = true }, { .cpu = 2000, .priority = 100 }, { .cpu = 1000, .memory = 4096, .priority = 50 },
        { .cpu = 4000, .priority = 1000 }, { .cpu = 1000, .gang = 2 }, { .cpu = 1500, .gang = 3 }, { .memory = 3072, .priority = -10 },
        { .cpu = 100, .port = true, .priority = 10 }, { .cpu = 500, .spread = true, .alone = true, .priority = 50 },
        { .cpu = 700, .memory = 1024, .gang = 3 },
};

typedef struct Scheduling {
        Prng prng;
        uint64_t seed;
        usec_t now;
        Cluster *cluster;
        void (*broken)(const char *what, int line);
        /* The cluster as of that revision of the log. */
        uint64_t revision;
        Object *nodes[NODES], *pods[PODS]; /* references, or NULL */
        bool unsure;                       /* memory ran out: a gang may be half placed until the next step */
        bool takes_away;                   /* the client removes nodes or pods, so that whoever goes is not preempted */
        unsigned most[ELEMENTSOF(templates)]; /* of each template that were on nodes at a time, since the last step */
        bool gained[ELEMENTSOF(templates)];
        uint64_t nominated_to[PODS];       /* id of the node that the pod was seen to be nominated to; 0: it was not seen */
        bool displaced[PODS];              /* one that matters more was nominated to the node that it is nominated to */
        WhatIf *question;                  /* that is being worked out while the state goes on */
        WhatIfItem asked;
        bool copied;
} Scheduling;

#define must(condition) \
        do { \
                if (!(condition)) \
                        w->broken(#condition, __LINE__); \
        } while (false)

static unsigned any(Scheduling *w, unsigned n) {
        return (unsigned) prng_below(&w->prng, n);
}

static unsigned number_of(const char *name) {
        return (unsigned) strtoul(name + 1, NULL, 10);
}

static const Pod *pod_at(const Scheduling *w, unsigned i) {
        return (const Pod*) w->pods[i];
}

static const Template *template_of(const Pod *p) {
        return &templates[strtoul(doc_label(p->object.doc, "t"), NULL, 10)];
}

/* --- The naive scan --- */

static bool is_on(const Pod *p, const char *node) {
        return p && pod_holds_capacity(p) && streq(p->node, node);
}

static int64_t memory_of(const Node *n) {
        return strtol(doc_label(n->object.doc, "memory"), NULL, 10);
}

/* Pods of the template that count in a zone. */
static unsigned count_in_zone(const Scheduling *w, const Template *t, const char *zone) {
        unsigned n = 0;

        for (unsigned i = 0; i < PODS; i++) {
                const Pod *p = pod_at(w, i);
                const Object *node = p && pod_holds_capacity(p) ? w->nodes[number_of(p->node)] : NULL;

                n += node && template_of(p) == t && p->deleted == 0 && streq_ptr(doc_label(node->doc, "zone"), zone);
        }
        return n;
}

static bool spread_allows(const Scheduling *w, const Template *t, const Node *n) {
        const char *zone = doc_label(n->object.doc, "zone");
        unsigned least = UINT32_MAX;

        if (!zone)
                return false;
        for (unsigned i = 0; i < NODES; i++)
                if (w->nodes[i] && doc_label(w->nodes[i]->doc, "zone"))
                        least = MIN(least, count_in_zone(w, t, doc_label(w->nodes[i]->doc, "zone")));
        return count_in_zone(w, t, zone) + 1 - least <= 1;
}

static bool has_room(const Scheduling *w, const Template *t, const Node *n) {
        int64_t cpu = n->cpu - t->cpu, memory = memory_of(n) - t->memory;

        for (unsigned i = 0; i < PODS; i++) {
                const Pod *p = pod_at(w, i);

                if (!is_on(p, n->object.name))
                        continue;
                cpu -= template_of(p)->cpu;
                memory -= template_of(p)->memory;
                if ((t->alone && template_of(p) == t) || (t->port && template_of(p)->port))
                        return false;
        }
        return (cpu >= 0 || t->cpu == 0) && (memory >= 0 || t->memory == 0);
}

static bool fits(const Scheduling *w, const Template *t, const Node *n) {
        return !n->unschedulable && (!n->tainted || t->tolerates) && (!t->disk || streq_ptr(doc_label(n->object.doc, "disk"), t->disk)) &&
               has_room(w, t, n) && (!t->spread || spread_allows(w, t, n));
}

/* --- The log --- */

/* Whoever is sent away made room for one that matters more. */
static void check_eviction(Scheduling *w, const Pod *victim) {
        for (unsigned i = 0; i < PODS; i++) {
                const Pod *p = pod_at(w, i);

                if (p && streq_ptr(p->nominated, victim->node) && template_of(p)->priority > template_of(victim)->priority)
                        return;
        }
        must(w->takes_away);
}

/* Is there room, too, for those that matter as much and are to come there? */
static bool keeps_promises(const Scheduling *w, const Pod *p, const Node *n) {
        int64_t cpu = n->cpu - template_of(p)->cpu;

        for (unsigned i = 0; i < PODS; i++) {
                const Pod *q = pod_at(w, i);
                bool to_come = q && q->nominated && w->nominated_to[i] == n->object.id && template_of(q) != template_of(p) &&
                               template_of(q)->priority >= template_of(p)->priority;

                if (to_come || is_on(q, n->object.name))
                        cpu -= template_of(q)->cpu;
        }
        return cpu >= 0 || template_of(p)->cpu == 0;
}

static void check_binding(Scheduling *w, const Pod *p) {
        const Node *n = (const Node*) w->nodes[number_of(p->node)];

        must(n);
        must(fits(w, template_of(p), n));
        must(keeps_promises(w, p, n));
        w->gained[template_of(p) - templates] = true;
}

/* Those that matter less and were to come to that node are to look for another one. */
static void displace(Scheduling *w, const Pod *by) {
        for (unsigned i = 0; i < PODS; i++)
                if (w->pods[i] && streq_ptr(pod_at(w, i)->nominated, by->nominated) && template_of(pod_at(w, i))->priority < template_of(by)->priority)
                        w->displaced[i] = true;
}

static void check_pod(Scheduling *w, const Pod *before, const Pod *after) {
        bool was_on = before && pod_holds_capacity(before), is_there = after && pod_holds_capacity(after);

        if (is_there && (!was_on || !streq(before->node, after->node)))
                check_binding(w, after);
        if (was_on && before->deleted == 0 && (!after || after->deleted > 0))
                check_eviction(w, before);
        if (before && before->nominated && !streq_ptr(before->nominated, after ? after->nominated : NULL))
                w->displaced[number_of(before->object.name)] = false;
        if (after && after->nominated && !streq_ptr(before ? before->nominated : NULL, after->nominated)) {
                w->nominated_to[number_of(after->object.name)] = w->nodes[number_of(after->nominated)]->id;
                displace(w, after);
        }
}

static void take_over(Scheduling *w, Object **slot, Object *o) {
        Object *old = *slot;

        *slot = o ? object_ref(o) : NULL;
        object_unref(old);
        for (size_t t = 0; t < ELEMENTSOF(templates); t++) {
                unsigned n = 0;

                for (unsigned i = 0; i < PODS && templates[t].gang > 0; i++)
                        n += w->pods[i] && pod_holds_capacity(pod_at(w, i)) && template_of(pod_at(w, i))->gang == templates[t].gang;
                w->most[t] = MAX(w->most[t], n);
        }
}

static void replay(Scheduling *w) {
        Store *s = cluster_store(w->cluster);
        const StoreChange *e;

        while (w->revision < store_revision(s)) {
                Object *o, *now;

                must(store_log_get(s, ++w->revision, &e) == 1);
                o = e->object;
                now = e->type == CHANGE_DELETED ? NULL : o;
                if (o->kind == KIND_NODE)
                        take_over(w, &w->nodes[number_of(o->name)], now);
                else if (o->kind == KIND_POD) {
                        check_pod(w, pod_at(w, number_of(o->name)), (const Pod*) now);
                        take_over(w, &w->pods[number_of(o->name)], now);
                }
        }
}

/* What has begun within a step ends within it. */
static void check_displaced(Scheduling *w) {
        for (unsigned i = 0; i < PODS; i++) {
                must(!w->displaced[i] || w->unsure);
                w->displaced[i] = false;
        }
}

/* All or none: if one of a gang was placed, so many of it were there at a time as it asks for. */
static void check_gangs(Scheduling *w) {
        for (size_t t = 0; t < ELEMENTSOF(templates); t++) {
                must(!w->gained[t] || w->unsure || w->most[t] >= templates[t].gang);
                w->gained[t] = false;
                w->most[t] = 0;
        }
}

static void forget(Scheduling *w) {
        memset(w->displaced, 0, sizeof(w->displaced));
        memset(w->nominated_to, 0, sizeof(w->nominated_to));
        for (unsigned i = 0; i < NODES; i++)
                w->nodes[i] = object_unref(w->nodes[i]);
        for (unsigned i = 0; i < PODS; i++)
                w->pods[i] = object_unref(w->pods[i]);
}

static void remember(Scheduling *w, Object *o) {
        if (o->kind == KIND_NODE)
                w->nodes[number_of(o->name)] = object_ref(o);
        if (o->kind == KIND_POD)
                w->pods[number_of(o->name)] = object_ref(o);
}

/* What undo has made of it. */
static void look_again(Scheduling *w) {
        Store *s = cluster_store(w->cluster);

        forget(w);
        for (StoreEntry *e = store_find_from(s, KIND_NODE, NULL); e; e = store_following(e))
                remember(w, e->object);
        for (StoreEntry *e = store_find_from(s, KIND_POD, NULL); e; e = store_following(e))
                remember(w, e->object);
        w->revision = store_revision(s);
}

static void forget_question(Scheduling *w) {
        what_if_item_done(&w->asked);
        w->question = what_if_free(w->question);
        w->copied = false;
}

/* --- The server --- */

static void start(Scheduling *w) {
        static const uint64_t secret[2] = { 5, 6 };
        const ClusterConfig config = {
                .node_timeout_usec = 15 * USEC_PER_SEC, .remove_after_usec = 30 * USEC_PER_SEC, .heartbeat_interval_usec = 5 * USEC_PER_SEC,
                .stop_grace_usec = 5 * USEC_PER_SEC, .nodes_max = 20, .objects_max = 10000, .pods_max = 500, .pods_per_node_max = 100,
                .node_cpu_max = 64000, .watch_log_max = 1000, .event_log_max = 30, .backoff_initial_usec = USEC_PER_SEC,
                .backoff_max_usec = 10 * USEC_PER_SEC, .turn_max = w->seed % 3 == 0 ? 0 : (uint32_t) (w->seed % 5) + 1,
                .algorithm = sched_algorithm_get((size_t) (w->seed / 8 % sched_algorithm_count()))->name,
        };

        must(cluster_new(&config, w->seed + w->now, secret, &w->cluster) >= 0);
        cluster_set_clock(w->cluster, (int64_t) EPOCH);
}

static void commit(Scheduling *w) {
        store_set_durable(cluster_store(w->cluster), store_revision(cluster_store(w->cluster)));
}

static void crash(Scheduling *w) {
        uint64_t revision, last_id;
        Saved s = {};

        must(cluster_undo(w->cluster, w->now) >= 0);
        revision = store_revision(cluster_store(w->cluster));
        last_id = store_last_id(cluster_store(w->cluster));
        must(saved_take(cluster_store(w->cluster), &s));
        forget(w);
        forget_question(w);
        w->cluster = cluster_free(w->cluster);
        start(w);
        for (size_t i = 0; i < s.n; i++) {
                must(cluster_load(w->cluster, s.objects[i]) >= 0);
                remember(w, s.objects[i]);
                object_unref(s.objects[i]);
        }
        w->revision = revision; /* what it does while it starts is in the log, too */
        must(cluster_loaded(w->cluster, w->now, revision, last_id) >= 0);
}

/* --- Clients --- */

static void create(Scheduling *w, Kind kind, const char *name, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Object *o = NULL;
        Json *root;
        char *copy = strbuf_error(b) < 0 ? NULL : json_arena_copy(&a, b->data, b->size);

        if (copy && json_tree_parse(&a, copy, b->size, &root, NULL) >= 0 && cluster_create_object(w->cluster, w->now, kind, name, root, false, &o, NULL) >= 0)
                object_unref(o);
}

static void create_node(Scheduling *w) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        unsigned memory = 4096 * (1 + any(w, 2));
        char name[16];

        (void) snprintf(name, sizeof(name), "n%u", any(w, NODES));
        strbuf_printf(&b, "{\"metadata\":{\"labels\":{\"memory\":\"%u\"", memory);
        if (any(w, 4) > 0)
                strbuf_printf(&b, ",\"zone\":\"z%u\"", any(w, ZONES));
        if (any(w, 2) == 0)
                strbuf_puts(&b, ",\"disk\":\"ssd\"");
        strbuf_printf(&b, "}},\"spec\":{},\"status\":{\"capacity\":{\"cpu\":\"%u\",\"memory\":\"%uMi\"}}}", 2 + 2 * any(w, 2), memory);
        create(w, KIND_NODE, name, &b);
}

static void put_pod_spec(StrBuf *b, const Template *t, unsigned k) {
        strbuf_printf(b, "\"spec\":{\"priority\":%d,\"terminationGracePeriodSeconds\":2,\"containers\":[{\"name\":\"c\",\"image\":\"x\",", t->priority);
        if (t->port)
                strbuf_puts(b, "\"ports\":[{\"containerPort\":80,\"hostPort\":80,\"protocol\":\"TCP\"}],");
        strbuf_printf(b, "\"resources\":{\"requests\":{\"cpu\":\"%um\",\"memory\":\"%uMi\"}}}]", (unsigned) t->cpu, (unsigned) t->memory);
        if (t->disk)
                strbuf_printf(b, ",\"nodeSelector\":{\"disk\":\"%s\"}", t->disk);
        if (t->tolerates)
                strbuf_puts(b, ",\"tolerations\":[{\"key\":\"k\",\"operator\":\"Exists\"}]");
        if (t->alone)
                strbuf_printf(b, ",\"affinity\":{\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"topologyKey\":"
                              "\"kubernetes.io/hostname\",\"labelSelector\":{\"matchLabels\":{\"t\":\"%u\"}}}]}}", k);
        if (t->spread)
                strbuf_printf(b, ",\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"zone\",\"whenUnsatisfiable\":\"DoNotSchedule\","
                              "\"labelSelector\":{\"matchLabels\":{\"t\":\"%u\"}}}]", k);
        strbuf_puts(b, "}");
}

static void put_pod(StrBuf *b, unsigned k) {
        strbuf_printf(b, "{\"metadata\":{\"labels\":{\"t\":\"%u\"}", k);
        if (templates[k].gang > 0)
                strbuf_printf(b, ",\"annotations\":{\"kubesim.io/pod-group\":\"g%u\",\"kubesim.io/pod-group-min-member\":\"%u\"}", templates[k].gang, templates[k].gang);
        strbuf_puts(b, "},");
        put_pod_spec(b, &templates[k], k);
        strbuf_puts(b, "}");
}

static void create_pod(Scheduling *w) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        unsigned k = any(w, ELEMENTSOF(templates));
        char name[16];

        (void) snprintf(name, sizeof(name), "p%u", any(w, PODS));
        put_pod(&b, k);
        create(w, KIND_POD, name, &b);
}

/* One that has the pods of a template spread, or no longer: orders of nodes are made anew while memory fails. */
static void change_service(Scheduling *w) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        unsigned k = any(w, ELEMENTSOF(templates));
        StoreEntry *e;
        char name[16];

        (void) snprintf(name, sizeof(name), "s%u", k);
        e = store_find(cluster_store(w->cluster), KIND_SERVICE, name);
        strbuf_printf(&b, "{\"metadata\":{},\"spec\":{\"selector\":{\"t\":\"%u\"},\"ports\":[{\"port\":80}]}}", k);
        if (e)
                (void) cluster_delete_object(w->cluster, w->now, e, &(DeleteOptions) { .grace_seconds = -1 }, NULL);
        else
                create(w, KIND_SERVICE, name, &b);
}

/* Cordons or taints it, or takes that back. */
static void change_node(Scheduling *w) {
        _cleanup_edit_ Edit edit = {};
        char name[16];
        StoreEntry *e;
        Object *o;
        Json *spec, *taints, *taint;

        (void) snprintf(name, sizeof(name), "n%u", any(w, NODES));
        e = store_find(cluster_store(w->cluster), KIND_NODE, name);
        if (!e || edit_begin(&edit, w->cluster, e) < 0)
                return;
        spec = json_ensure(&edit.arena, edit.root, "spec", JSON_OBJECT);
        json_set_bool(&edit.arena, spec, "unschedulable", any(w, 4) == 0);
        json_remove(spec, "taints");
        if (any(w, 4) == 0) {
                taints = json_ensure(&edit.arena, spec, "taints", JSON_ARRAY);
                taint = json_new(&edit.arena, JSON_OBJECT);
                json_set_string(&edit.arena, taint, "key", "k");
                json_set_string(&edit.arena, taint, "effect", "NoSchedule");
                json_append(taints, taint);
        }
        if (json_arena_error(&edit.arena) == 0 && cluster_update_object(w->cluster, w->now, e, edit.root, false, &o, NULL) >= 0)
                object_unref(o);
}

static void delete_one(Scheduling *w, Kind kind, unsigned i) {
        StoreEntry *e;
        char name[16];

        (void) snprintf(name, sizeof(name), "%c%u", kind == KIND_NODE ? 'n' : 'p', i);
        e = store_find(cluster_store(w->cluster), kind, name);
        w->takes_away = true;
        if (e)
                (void) cluster_delete_object(w->cluster, w->now, e, &(DeleteOptions) { .grace_seconds = any(w, 3) == 0 ? 0 : -1 }, NULL);
}

/* --- Questions --- */

static int begin_question(Scheduling *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *root;
        char *copy;
        int r;

        put_pod(&b, any(w, ELEMENTSOF(templates)));
        copy = strbuf_error(&b) < 0 ? NULL : json_arena_copy(&a, b.data, b.size);
        r = copy ? json_tree_parse(&a, copy, b.size, &root, NULL) : -ENOMEM;
        if (r >= 0)
                r = what_if_new(w->cluster, w->seed, &w->question);
        if (r >= 0)
                r = pod_class_of(&w->question->scheduler.classes, "default", root, &w->asked.class, NULL);
        w->asked.count = 1 + any(w, 20);
        return r;
}

static int step_question(Scheduling *w) {
        int r;

        if (!w->copied) {
                r = what_if_copy(w->question, &w->asked, 1);
                w->copied = r == 0;
                if (r == 0)
                        what_if_reset(w->question, &w->asked, 1);
                return r < 0 ? r : 1;
        }
        if (any(w, 10) == 0)
                what_if_reset(w->question, &w->asked, 1);
        r = what_if_step(w->question, &w->asked, 1, sched_algorithm_get(any(w, (unsigned) sched_algorithm_count())));
        must(w->asked.placed <= w->asked.count);
        return r;
}

/* Some steps of a question. It never changes anything, and fails for nothing but memory. */
static void ask(Scheduling *w) {
        uint64_t revision = store_revision(cluster_store(w->cluster)), changes = w->cluster->scheduler.n_changes;
        int r = w->question ? 1 : begin_question(w);

        for (unsigned n = any(w, 12); n > 0 && w->question && r >= 0; n--) {
                r = step_question(w);
                if (r == 0)
                        break;
        }
        must(r >= 0 || (r == -ENOMEM && memory_failed()));
        must(store_revision(cluster_store(w->cluster)) == revision && w->cluster->scheduler.n_changes == changes);
        if (r < 0 || (w->copied && r == 0))
                forget_question(w);
}

static void act(Scheduling *w) {
        switch (any(w, 25)) {
        case 24:
                return change_service(w);
        case 20 ... 23:
                return ask(w);
        case 0 ... 1:
                return create_node(w);
        case 2:
                return change_node(w);
        case 3:
                if (any(w, 4) == 0)
                        delete_one(w, KIND_NODE, any(w, NODES));
                return;
        case 4 ... 9:
                return delete_one(w, KIND_POD, any(w, PODS));
        default:
                create_pod(w);
        }
}

/* --- Time --- */

/* Is room there kept for others? */
static bool is_promised(const Scheduling *w, const Node *n, const Pod *but) {
        for (unsigned i = 0; i < PODS; i++)
                if (w->pods[i] && pod_at(w, i) != but && streq_ptr(pod_at(w, i)->nominated, n->object.name))
                        return true;
        return false;
}

/* Nobody waits who fits somewhere. */
static void check_rest(Scheduling *w) {
        for (unsigned i = 0; i < PODS; i++) {
                const Pod *p = pod_at(w, i);

                if (!p || !pod_is_queued(p) || template_of(p)->gang > 0)
                        continue;
                for (unsigned k = 0; k < NODES; k++) {
                        const Node *n = (const Node*) w->nodes[k];

                        must(!n || n->health != NODE_HEALTHY || is_promised(w, n, p) || !fits(w, template_of(p), n));
                }
        }
}

static void step(Scheduling *w, usec_t until) {
        usec_t next = MIN(cluster_deadline(w->cluster), until);

        w->now = MAX(w->now + 1, next);
        if (cluster_step(w->cluster, w->now) < 0)
                w->unsure = true;
}

static void rest(Scheduling *w) {
        usec_t end = w->now + 2 * USEC_PER_MINUTE;

        memory_fail(0, 0);
        cluster_thaw(w->cluster, w->now);
        while (w->now < end) {
                step(w, end);
                replay(w);
                commit(w);
        }
        check_gangs(w);
        check_displaced(w);
        w->unsure = false;
        check_rest(w);
}

static void go_on(Scheduling *w) {
        bool was_unsure = w->unsure;

        w->takes_away = w->unsure = false;
        if (any(w, 4) == 0)
                memory_fail(1 + any(w, 60), any(w, 2) == 0 ? 0 : any(w, 20));
        act(w);
        w->unsure |= memory_failed();
        replay(w);
        w->takes_away |= was_unsure; /* a node that could not be emptied at once is emptied now */
        step(w, w->now + any(w, 3000) * USEC_PER_MSEC);
        w->unsure |= memory_failed();
        memory_fail(0, 0);
        replay(w);
        check_gangs(w);
        check_displaced(w);
        if (any(w, 4) != 0)
                commit(w);
        switch (any(w, 40)) {
        case 0:
                w->takes_away = true;
                crash(w);
                replay(w);
                break;
        case 1:
                cluster_freeze(w->cluster);
                must(cluster_undo(w->cluster, w->now) >= 0);
                look_again(w);
                cluster_thaw(w->cluster, w->now);
                replay(w);
                break;
        case 2:
                rest(w);
        }
        check_gangs(w);
        check_displaced(w);
}

uint64_t run_scheduling_world(uint64_t seed, void (*broken)(const char *what, int line)) {
        Scheduling w = { .seed = seed, .now = USEC_PER_SEC, .broken = broken };
        uint64_t n;

        prng_init(&w.prng, seed);
        start(&w);
        if (cluster_loaded(w.cluster, w.now, 0, 0) < 0)
                broken("an empty cluster starts", __LINE__);
        replay(&w);
        for (unsigned i = 0; i < NODES; i++)
                create_node(&w);
        for (unsigned i = 0; i < STEPS; i++)
                go_on(&w);
        rest(&w);
        n = store_revision(cluster_store(w.cluster));
        forget(&w);
        forget_question(&w);
        cluster_free(w.cluster);
        return n;
}
