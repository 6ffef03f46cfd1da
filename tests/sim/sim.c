/* SPDX-License-Identifier: Apache-2.0 */
/* The deterministic simulation: the real core with simulated agents, clients, network, disk and clock, all from one seed.
 * After every step the invariants of the design are asserted; a failing seed is printed and replays exactly:
 *
 *     sim --seconds=60            as many worlds as fit
 *     sim --worlds=100            that many, however long they take
 *     sim --replay=SEED           one world
 *     sim --corpus=FILE           the seeds in FILE, one a line, first
 */
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <unistd.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/faults.h"
#include "core/control/heartbeat.h"
#include "core/control/nodes.h"
#include "core/control/pods.h"
#include "tests/sim/memory.h"
#include "tests/sim/scheduling.h"
#include "tests/sim/workloads.h"

#define AGENTS_MAX 5
#define PODS_MAX 24
#define VIRTUAL_MAX 4
#define FLIGHT_MAX 32
#define WORLD_USEC (4 * USEC_PER_HOUR)
#define EPOCH (UINT64_C(1700000000) * USEC_PER_SEC)

static uint64_t world_seed;

#define must(condition) \
        do { \
                if (!(condition)) \
                        broken(#condition, __LINE__); \
        } while (false)

static void broken(const char *what, int line) {
        printf("not ok - seed %llu breaks, line %d: %s\nreplay it with: sim --replay=%llu\n0 passed, 1 failed\n",
               (unsigned long long) world_seed, line, what, (unsigned long long) world_seed);
        exit(1);
}

typedef struct Names {
        char names[PODS_MAX][16];
        size_t n;
} Names;

typedef struct Agent {
        char name[16];
        bool alive, hung, cut_off;
        uint64_t start, sequence;
        Names pods;
        uint32_t ever; /* bit i: it has listed pod i since it last started */
        int64_t cpu;   /* what it was started with; may shrink below what its pods use */
        usec_t next_beat;
} Agent;

/* A message under way: a beat to the server, or its answer to the agent. */
typedef struct Message {
        bool used, answer, stop;
        usec_t at;
        unsigned agent;
        uint64_t start, sequence;
        Names pods;
        int64_t cpu;
        char status[24];
} Message;

/* What clients have been told, and what a watcher has seen. */
typedef struct PodFacts {
        bool acknowledged;  /* its creation, and nothing since */
        uint64_t created;   /* revision of the creation under way; 0 = none */
        uint64_t removed;   /* of the removal under way */
        bool watched;       /* the watcher has it */
} PodFacts;

typedef struct World {
        Prng prng;
        usec_t now;
        Cluster *cluster;
        Agent agents[AGENTS_MAX];
        unsigned n_agents;
        Message flight[FLIGHT_MAX];
        PodFacts pods[PODS_MAX];
        Object *disk[2048];  /* by id, what is durable */
        uint64_t disk_revision, disk_last_id;
        uint64_t watched;   /* revision up to which the watcher has read */
        uint64_t checked;   /* revision at the last full check */
        usec_t next_flush, next_client, next_fault;
        bool disk_full;
        bool starved;       /* an allocation has failed, and no step has gone well since */
        uint64_t n_beats;
} World;

static bool chance(World *w, unsigned in) {
        return prng_below(&w->prng, in) == 0;
}

static usec_t some_time(World *w, usec_t most) {
        return w->now + 1 + prng_below(&w->prng, most);
}

static int64_t some_cpu(World *w) {
        return (int64_t) (2000 + 2000 * prng_below(&w->prng, 3));
}

/* --- The disk --- */

static void disk_apply(World *w, const StoreChange *c) {
        uint64_t slot = c->object->id % ELEMENTSOF(w->disk);

        if (c->type == CHANGE_DELETED) {
                must(w->disk[slot] && w->disk[slot]->id == c->object->id);
                w->disk[slot] = object_unref(w->disk[slot]);
                return;
        }
        must(!w->disk[slot] || w->disk[slot]->id == c->object->id); /* else too many objects at a time for this disk */
        object_unref(w->disk[slot]);
        w->disk[slot] = object_ref(c->object);
}

/* A watcher that reads what is durable: no gap, no duplicate, and what it ends with is what there is. */
static void watch(World *w) {
        Store *s = cluster_store(w->cluster);
        const StoreChange *e;

        while (w->watched < store_durable(s)) {
                int r = store_log_get(s, w->watched + 1, &e);

                must(r == 1);
                must(e->revision == w->watched + 1);
                w->watched++;
                if (e->object->kind == KIND_POD) {
                        PodFacts *f = &w->pods[strtol(e->object->name + 1, NULL, 10)];

                        must(f->watched == (e->type != CHANGE_ADDED));
                        f->watched = e->type != CHANGE_DELETED;
                }
        }
}

static void acknowledge(World *w) {
        uint64_t durable = store_durable(cluster_store(w->cluster));

        for (unsigned i = 0; i < PODS_MAX; i++) {
                PodFacts *f = &w->pods[i];

                if (f->created > 0 && f->created <= durable) {
                        f->created = 0;
                        f->acknowledged = true;
                }
                if (f->removed > 0 && f->removed <= durable) {
                        f->removed = 0;
                        f->acknowledged = false;
                }
        }
}

/* Commits everything, or a prefix when it crashes in between. */
static void flush(World *w, bool all) {
        Store *s = cluster_store(w->cluster);
        uint64_t until = store_revision(s), from = store_durable(s);
        const StoreChange *e;

        if (!all && until > from)
                until = from + prng_below(&w->prng, until - from + 1);
        for (uint64_t r = from + 1; r <= until; r++) {
                must(store_log_get(s, r, &e) == 1);
                disk_apply(w, e);
        }
        w->disk_revision = until;
        w->disk_last_id = store_last_id(s);
        store_set_durable(s, until);
        acknowledge(w);
        watch(w);
}

static void forget_what_is_not_durable(World *w) {
        uint64_t durable = store_durable(cluster_store(w->cluster));

        for (unsigned i = 0; i < PODS_MAX; i++) {
                if (w->pods[i].created > durable)
                        w->pods[i].created = 0;
                if (w->pods[i].removed > durable)
                        w->pods[i].removed = 0;
        }
}

/* --- Invariants --- */

/* Each fault knows how many nodes have it. */
static void check_fault_counts(const World *w) {
        size_t hint = 0;

        for (StoreEntry *f = NULL; (f = store_next(w->cluster->store, KIND_FAULT, f ? f->object->id : 0, &hint));) {
                size_t node_hint = 0;
                uint32_t n = 0;

                for (StoreEntry *e = NULL; (e = store_next(w->cluster->store, KIND_NODE, e ? e->object->id : 0, &node_hint));)
                        n += node_state(e)->fault == (FaultState*) f;
                must(n == ((const FaultState*) f)->n_nodes);
        }
}

/* A virtual node has the fault that covers it; without one it is well, or is about to be. */
static void check_fault(const World *w, const NodeState *ns) {
        const Node *n = node_of(ns);

        must(ns->fault == (n->backing == NODE_VIRTUAL ? fault_find(w->cluster, n->object.id) : NULL));
        must((n->backing == NODE_VIRTUAL) == (ns->beat.item.index != PRIOQ_NONE));
        if (n->backing == NODE_VIRTUAL && !n->stop_requested) {
                must(n->health == NODE_HEALTHY || ns->fault || ns->beat.item.when <= w->now || list_is_linked(&ns->roused) || w->cluster->frozen || w->starved);
        }
}

static void check_nodes(World *w, uint32_t *ret_bound) {
        Cluster *c = w->cluster;
        uint32_t bound = 0;
        size_t hint = 0;

        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_NODE, e ? e->object->id : 0, &hint));) {
                NodeState *ns = node_state(e);
                int64_t used = 0;
                uint32_t n = 0;
                PodState *ps;

                LIST_FOREACH(ps, &ns->pods, PodState, in_node) {
                        must(ps->node == ns);
                        must(pod_holds_capacity(pod_of(ps)) && streq(pod_of(ps)->node, e->object->name));
                        used += pod_of(ps)->cpu;
                        n++;
                }
                must(used == ns->sched.used.cpu && n == ns->sched.n_pods);
                must(used <= node_of(ns)->cpu); /* never more than it has */
                must(n <= c->config.pods_per_node_max);
                must(node_of(ns)->health == NODE_HEALTHY || ns->index.free == NODE_INDEX_CLOSED);
                check_fault(w, ns);
                bound += n;
        }
        check_fault_counts(w);
        *ret_bound = bound;
}

/* The naive question: is there a healthy node with room for so much? */
static bool fits_somewhere(const Cluster *c, int64_t cpu) {
        size_t hint = 0;

        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_NODE, e ? e->object->id : 0, &hint));) {
                const NodeState *ns = node_state(e);
                const Node *n = node_of(ns);

                if (n->health == NODE_HEALTHY && !n->stop_requested && ns->sched.n_pods < c->config.pods_per_node_max && n->cpu - ns->sched.used.cpu >= cpu)
                        return true;
        }
        return false;
}

static void check_running(World *w, const Pod *p) {
        unsigned i = (unsigned) strtol(p->object.name + 1, NULL, 10);

        if (p->status != POD_RUNNING || p->node[0] != 'a')
                return;
        for (unsigned k = 0; k < w->n_agents; k++)
                if (streq(w->agents[k].name, p->node))
                        must(w->agents[k].ever & (1U << i)); /* Running only when its node has said so */
}

static void check_pods(World *w, uint32_t bound) {
        Cluster *c = w->cluster;
        uint32_t attached = 0, by_status[_POD_STATUS_MAX] = {};
        size_t hint = 0;

        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_POD, e ? e->object->id : 0, &hint));) {
                PodState *ps = pod_state(e);
                const Pod *p = pod_of(ps);

                must(store_find(c->store, KIND_POD, p->object.name) == e);
                must((ps->node != NULL) == pod_holds_capacity(p));
                attached += ps->node != NULL;
                by_status[p->status]++;
                if (pod_is_queued(p) && !c->frozen)
                        must(w->starved || (c->placing && cluster_deadline(c) <= w->now) || !fits_somewhere(c, p->cpu)); /* a pod that fits gets a node */
                check_running(w, p);
        }
        must(attached == bound); /* on one node or none */
        must(memcmp(by_status, c->stats.pods_by_status, sizeof(by_status)) == 0);
}

static void check(World *w) {
        Store *s = cluster_store(w->cluster);
        uint32_t bound;

        must(store_durable(s) <= store_revision(s));
        if (store_revision(s) == w->checked && w->checked > 0)
                return; /* nothing durable has changed: a beat touches no more than its node's words */
        must(store_revision(s) >= w->disk_revision);
        w->checked = store_revision(s);
        check_nodes(w, &bound);
        check_pods(w, bound);
}

/* --- The server --- */

static void start_server(World *w) {
        static const char *const algorithms[] = { "first-fit", "best-fit", "worst-fit", "round-robin" };
        static const uint64_t secret[2] = { 1, 2 };
        ClusterConfig config = {
                .node_timeout_usec = 15 * USEC_PER_SEC, .remove_after_usec = 30 * USEC_PER_SEC,
                .heartbeat_interval_usec = 5 * USEC_PER_SEC, .stop_grace_usec = 5 * USEC_PER_SEC,
                .nodes_max = 20, .objects_max = 10000, .pods_max = 100, .pods_per_node_max = 5, .node_cpu_max = 16000,
                .watch_log_max = 100000, .event_log_max = 50, .turn_max = world_seed % 3 == 0 ? 0 : (uint32_t) (world_seed % 5) + 1,
                .algorithm = algorithms[world_seed % ELEMENTSOF(algorithms)],
        };

        must(cluster_new(&config, world_seed, secret, &w->cluster) >= 0);
        cluster_set_clock(w->cluster, (int64_t) EPOCH);
        for (unsigned i = 0; i < ELEMENTSOF(w->disk); i++)
                if (w->disk[i])
                        must(cluster_load(w->cluster, w->disk[i]) >= 0);
        must(cluster_loaded(w->cluster, w->now, w->disk_revision, w->disk_last_id) >= 0);
        w->checked = 0;
        w->disk_full = false;
}

/* Dies at any instant; of the batch under way none or all is on disk. Everything acknowledged must be there after. */
static void crash(World *w) {
        uint64_t secret_revision;

        flush(w, chance(w, 2) && !w->disk_full);
        forget_what_is_not_durable(w);
        secret_revision = store_durable(cluster_store(w->cluster));
        w->cluster = cluster_free(w->cluster);
        start_server(w);
        must(store_revision(cluster_store(w->cluster)) >= secret_revision);
        for (unsigned i = 0; i < PODS_MAX; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "p%u", i);
                if (w->pods[i].acknowledged && w->pods[i].removed == 0)
                        must(find_pod(w->cluster, name)); /* no acknowledged write is missing */
        }
        for (unsigned i = 0; i < w->n_agents; i++) /* a restart of the server never fails a node */
                if (find_node(w->cluster, w->agents[i].name))
                        must(find_node(w->cluster, w->agents[i].name)->last_beat == w->now);
}

static void disk_fails(World *w) {
        w->disk_full = true;
        cluster_freeze(w->cluster);
        must(cluster_undo(w->cluster, w->now) >= 0);
        must(store_revision(cluster_store(w->cluster)) == store_durable(cluster_store(w->cluster)));
        forget_what_is_not_durable(w);
        w->checked = 0;
}

static void disk_recovers(World *w) {
        w->disk_full = false;
        cluster_thaw(w->cluster, w->now);
}

/* --- The network --- */

static Message *send_message(World *w) {
        for (unsigned i = 0; i < FLIGHT_MAX; i++)
                if (!w->flight[i].used) {
                        w->flight[i] = (Message) { .used = true, .at = some_time(w, chance(w, 50) ? 20 * USEC_PER_SEC : 50 * USEC_PER_MSEC) };
                        return &w->flight[i];
                }
        return NULL; /* the network is full: lost */
}

static void maybe_duplicate(World *w, const Message *m) {
        Message *twice;

        if (!chance(w, 40))
                return;
        twice = send_message(w);
        if (twice) {
                usec_t at = twice->at;

                *twice = *m;
                twice->at = at;
        }
}

static void agent_beats(World *w, unsigned i) {
        Agent *a = &w->agents[i];
        Message *m;

        a->next_beat = w->now + 5 * USEC_PER_SEC + prng_below(&w->prng, USEC_PER_SEC);
        a->sequence++;
        if (a->cut_off || chance(w, 50) || !(m = send_message(w)))
                return;
        m->agent = i;
        m->start = a->start;
        m->sequence = a->sequence;
        m->pods = a->pods;
        m->cpu = a->cpu;
        (void) snprintf(m->status, sizeof(m->status), "%s", chance(w, 400) ? "DiskPressure" : "Healthy");
        for (size_t k = 0; k < a->pods.n; k++)
                a->ever |= 1U << strtol(a->pods.names[k] + 1, NULL, 10);
        maybe_duplicate(w, m);
}

static void deliver_beat(World *w, const Message *m) {
        Agent *a = &w->agents[m->agent];
        _cleanup_error_ Error error = ERROR_NULL;
        char instance[40], *pods[PODS_MAX];
        NodeState *before = find_node(w->cluster, a->name);
        uint64_t beats = before ? before->n_beats : 0;
        HeartbeatAnswer answer;
        Message *reply;
        int r;

        (void) snprintf(instance, sizeof(instance), "%s/%llu", a->name, (unsigned long long) m->start);
        for (size_t i = 0; i < m->pods.n; i++)
                pods[i] = (char*) m->pods.names[i];
        bool old = before && node_of(before)->instance && strtoull(strchr(node_of(before)->instance, '/') + 1, NULL, 10) > m->start;
        r = cluster_heartbeat(w->cluster, w->now, &(Heartbeat) { .node = a->name, .status = m->status, .pods = pods, .n_pods = m->pods.n,
                              .cpu = m->cpu, .instance = instance, .sequence = (int64_t) m->sequence }, &answer, &error);
        w->n_beats++;
        if (old) { /* a late beat of a dead agent: refused, and nothing has changed */
                must(r == -EEXIST || (memory_failed() && r == -ENOMEM));
                must(before->n_beats == beats);
        }
        if (r < 0 || a->cut_off || chance(w, 60) || !(reply = send_message(w)))
                return;
        if (answer.revision > store_durable(cluster_store(w->cluster))) { /* held until it is durable */
                if (w->disk_full) {
                        reply->used = false;
                        return;
                }
                flush(w, true);
        }
        reply->answer = true;
        reply->agent = m->agent;
        reply->start = m->start;
        reply->stop = answer.stop;
        if (answer.node && !answer.stop) {
                PodState *ps;

                LIST_FOREACH(ps, &answer.node->pods, PodState, in_node)
                        if (pod_is_wanted(pod_of(ps)) && reply->pods.n < PODS_MAX)
                                (void) snprintf(reply->pods.names[reply->pods.n++], 16, "%s", pod_of(ps)->object.name);
        }
}

static void deliver_answer(World *w, const Message *m) {
        Agent *a = &w->agents[m->agent];

        if (!a->alive || a->hung || a->cut_off || a->start != m->start)
                return;
        if (m->stop) {
                a->alive = false;
                a->pods.n = 0;
                return;
        }
        a->pods = m->pods;
        a->next_beat = MIN(a->next_beat, w->now + 50 * USEC_PER_MSEC + prng_below(&w->prng, 4 * USEC_PER_SEC));
}

static void deliver(World *w, Message *m) {
        Message copy = *m;

        m->used = false;
        if (copy.answer)
                deliver_answer(w, &copy);
        else
                deliver_beat(w, &copy);
}

/* --- Clients and faults --- */

static void create_pod(World *w, unsigned i) {
        _cleanup_error_ Error error = ERROR_NULL;
        char name[16];
        PodState *ps;

        (void) snprintf(name, sizeof(name), "p%u", i);
        if (cluster_create_pod(w->cluster, w->now, &(PodSpec) { .name = name, .cpu = (int64_t) (500 + 500 * prng_below(&w->prng, 6)),
                               .duration = chance(w, 3) ? prng_below(&w->prng, USEC_PER_HOUR) + 1 : USEC_INFINITY }, &ps, &error) >= 0) {
                w->pods[i].created = store_revision(cluster_store(w->cluster));
                must(w->pods[i].created > store_durable(cluster_store(w->cluster))); /* the answer has to wait */
        }
}

static bool by_lot(const Object *node _unused_, void *userdata) {
        return prng_below(userdata, 2) == 0;
}

static bool is_any(const Object *node _unused_, void *userdata _unused_) {
        return true;
}

/* Faults of virtual nodes; agents have theirs in fault(). */
static void inject_fault(World *w) {
        _cleanup_error_ Error error = ERROR_NULL;
        FaultSpec spec = {
                .kind = (FaultKind) prng_below(&w->prng, _FAULT_KIND_MAX), .count = (uint32_t) prng_below(&w->prng, 3), .seed = prng_next(&w->prng),
                .span = chance(w, 4) ? USEC_INFINITY : some_time(w, 5 * USEC_PER_MINUTE) - w->now, .delay = prng_below(&w->prng, 30 * USEC_PER_SEC),
                .period = 10 * USEC_PER_SEC + prng_below(&w->prng, USEC_PER_MINUTE),
        };
        bool recover = chance(w, 3);
        FaultChoice chosen = { .wants = recover ? by_lot : is_any, .userdata = &w->prng, .faulty = recover };
        FaultResult result;
        int r;

        while ((r = fault_choose(w->cluster, &chosen)) > 0)
                ;
        if (r >= 0 && recover)
                (void) cluster_recover_nodes(w->cluster, w->now, &chosen, &error);
        else if (r >= 0)
                (void) cluster_inject_fault(w->cluster, w->now, &spec, &chosen, &result, &error);
        fault_choice_done(&chosen);
}

static void client_acts(World *w) {
        _cleanup_error_ Error error = ERROR_NULL;
        unsigned i = (unsigned) prng_below(&w->prng, PODS_MAX);
        Agent *a = &w->agents[prng_below(&w->prng, w->n_agents)];
        NodeState *ns;
        char name[16];
        int r;

        w->next_client = some_time(w, chance(w, 3) ? USEC_PER_SEC : 4 * USEC_PER_MINUTE);
        if (chance(w, 40))
                w->next_fault = w->now; /* right behind it, before the disk has it */
        (void) snprintf(name, sizeof(name), "p%u", i);
        switch (prng_below(&w->prng, 10)) {
        case 0 ... 4:
                return create_pod(w, i);
        case 5:
        case 6:
                r = cluster_remove_pod(w->cluster, w->now, name, &error);
                if (r >= 0)
                        w->pods[i].removed = store_revision(cluster_store(w->cluster));
                return;
        case 7:
                (void) cluster_restart_pod(w->cluster, w->now, name, &error);
                return;
        case 8:
                if (chance(w, 2))
                        (void) cluster_stop_node(w->cluster, w->now, a->name, &error);
                else if (chance(w, 3))
                        (void) cluster_remove_node(w->cluster, w->now, a->name, &error);
                else
                        (void) cluster_restart_node(w->cluster, w->now, a->name, &error);
                return;
        default:
                if (chance(w, 2))
                        return inject_fault(w);
                (void) snprintf(name, sizeof(name), "v%u", (unsigned) prng_below(&w->prng, VIRTUAL_MAX));
                if (chance(w, 2))
                        (void) cluster_add_node(w->cluster, w->now, name, 3000, &ns, &error);
                else if (chance(w, 2))
                        (void) cluster_remove_node(w->cluster, w->now, name, &error);
                else if (chance(w, 2))
                        (void) cluster_stop_node(w->cluster, w->now, name, &error);
                else
                        (void) cluster_restart_node(w->cluster, w->now, name, &error);
        }
}

static void fault(World *w) {
        Agent *a = &w->agents[prng_below(&w->prng, w->n_agents)];

        w->next_fault = some_time(w, 10 * USEC_PER_MINUTE);
        switch (prng_below(&w->prng, 8)) {
        case 0:
                a->hung = !a->hung;
                return;
        case 1:
                a->cut_off = !a->cut_off;
                return;
        case 2: /* killed */
                a->alive = false;
                a->pods.n = 0;
                return;
        case 3:
        case 4: /* (re)started */
                *a = (Agent) { .alive = true, .start = w->now, .next_beat = w->now, .ever = a->ever, .cpu = some_cpu(w) };
                (void) snprintf(a->name, sizeof(a->name), "a%u", (unsigned) (a - w->agents));
                return;
        case 5:
                return crash(w);
        case 6:
                return w->disk_full ? disk_recovers(w) : disk_fails(w);
        default: /* all is well again */
                a->hung = a->cut_off = false;
                if (w->disk_full)
                        disk_recovers(w);
        }
}

/* --- Time --- */

static usec_t next_event(const World *w) {
        usec_t acts = MIN(w->next_client, w->next_fault), t = cluster_deadline(w->cluster);

        t = MIN(t, acts);
        if (!w->disk_full && store_revision(cluster_store(w->cluster)) > store_durable(cluster_store(w->cluster)))
                t = MIN(t, w->next_flush);
        for (unsigned i = 0; i < w->n_agents; i++)
                if (w->agents[i].alive && !w->agents[i].hung)
                        t = MIN(t, w->agents[i].next_beat);
        for (unsigned i = 0; i < FLIGHT_MAX; i++)
                if (w->flight[i].used)
                        t = MIN(t, w->flight[i].at);
        return t;
}

/* Now and then an allocation fails, or some in a row. A beat of steady state allocates nothing, so most are asked for
 * where something changes. */
static void maybe_starve(World *w) {
        if (chance(w, w->next_client <= w->now || cluster_deadline(w->cluster) <= w->now ? 4 : 30))
                memory_fail(1 + (unsigned) prng_below(&w->prng, chance(w, 2) ? 4 : 40), chance(w, 2) ? 0 : (unsigned) prng_below(&w->prng, 30));
}

static void step(World *w) {
        w->now = MAX(w->now, next_event(w));
        maybe_starve(w);
        if (cluster_deadline(w->cluster) <= w->now || w->starved) {
                w->starved = cluster_step(w->cluster, w->now) < 0;
                w->checked = 0;
        }
        for (unsigned i = 0; i < FLIGHT_MAX; i++)
                if (w->flight[i].used && w->flight[i].at <= w->now)
                        deliver(w, &w->flight[i]);
        for (unsigned i = 0; i < w->n_agents; i++)
                if (w->agents[i].alive && !w->agents[i].hung && w->agents[i].next_beat <= w->now)
                        agent_beats(w, i);
        if (w->next_client <= w->now)
                client_acts(w);
        if (memory_failed())
                w->starved = true; /* what could not be done is made up for in the next step */
        memory_fail(0, 0);
        if (w->next_fault <= w->now)
                fault(w);
        if (w->next_flush <= w->now && !w->disk_full) {
                flush(w, true);
                w->next_flush = some_time(w, chance(w, 4) ? 30 * USEC_PER_SEC : 20 * USEC_PER_MSEC); /* a slow disk now and then */
        }
        check(w);
}

/* Every fourth world is about controllers, every eighth about where pods go, and every eighth about controllers where nodes and containers fail. */
/* Of the processor's time, of which a world takes a tenth of a second: what goes on for ever in one moment ends here. */
static void watch_world(void) {
        struct itimerval most = { .it_value.tv_sec = 20 };

        (void) setitimer(ITIMER_VIRTUAL, &most, NULL);
}

/* Whatever it interrupts: dprintf() and _exit() need nothing that may be held. */
static void on_endless(int sig _unused_) {
        (void) dprintf(STDOUT_FILENO, "not ok - seed %llu does not end\nreplay it with: sim --replay=%llu\n0 passed, 1 failed\n", (unsigned long long) world_seed,
                       (unsigned long long) world_seed);
        _exit(1);
}

static uint64_t run_world(uint64_t seed) {
        World w = { .now = USEC_PER_SEC };

        world_seed = seed;
        watch_world();
        if (seed % 4 == 3 || seed % 8 == 0)
                return run_workload_world(seed, seed % 8 == 0, broken);
        if (seed % 8 == 4)
                return run_scheduling_world(seed, broken);
        prng_init(&w.prng, seed);
        w.n_agents = 2 + (unsigned) prng_below(&w.prng, AGENTS_MAX - 1);
        for (unsigned i = 0; i < w.n_agents; i++) {
                w.agents[i] = (Agent) { .alive = true, .start = 1, .next_beat = some_time(&w, 5 * USEC_PER_SEC), .cpu = some_cpu(&w) };
                (void) snprintf(w.agents[i].name, sizeof(w.agents[i].name), "a%u", i);
        }
        w.next_client = w.next_fault = w.now + 10 * USEC_PER_SEC;
        start_server(&w);
        while (w.now < WORLD_USEC)
                step(&w);
        cluster_free(w.cluster);
        for (unsigned i = 0; i < ELEMENTSOF(w.disk); i++)
                object_unref(w.disk[i]);
        return w.n_beats;
}

/* Seeds that something once broke at, one on a line. */
static int run_corpus(const char *path) {
        FILE *f = fopen(path, "r");
        unsigned long long seed;
        unsigned n = 0;
        char line[256];

        if (!f)
                return -errno;
        while (fgets(line, sizeof(line), f))
                if (sscanf(line, "%llu", &seed) == 1) {
                        (void) run_world(seed);
                        n++;
                }
        (void) fclose(f);
        printf("ok - %u seeds of %s\n1 passed, 0 failed\n", n, path);
        return 0;
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "seconds", required_argument, NULL, 's' }, { "worlds", required_argument, NULL, 'w' }, { "replay", required_argument, NULL, 'r' },
                { "corpus", required_argument, NULL, 'c' },  { "seed", required_argument, NULL, 'b' }, {},
        };
        uint64_t seconds = 10, worlds = UINT64_MAX, replay = 0, seed = 1, n = 0, beats = 0;
        usec_t end;
        int c;

        (void) signal(SIGVTALRM, on_endless);
        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0)
                if (c == 'c') {
                        if (run_corpus(optarg) < 0) {
                                fprintf(stderr, "sim: cannot read %s: %m\n", optarg);
                                return 2;
                        }
                } else if (c == '?' || parse_u64(optarg, c == 's' ? &seconds : c == 'w' ? &worlds : c == 'r' ? &replay : &seed) < 0)
                        return 2;
        if (replay > 0) {
                beats = run_world(replay);
                printf("ok - seed %llu, %llu beats\n1 passed, 0 failed\n", (unsigned long long) replay, (unsigned long long) beats);
                return 0;
        }
        end = worlds == UINT64_MAX ? now_monotonic() + seconds * USEC_PER_SEC : USEC_INFINITY;
        for (; n < worlds && now_monotonic() < end; n++)
                beats += run_world(seed + n);
        printf("ok - %llu worlds, %llu cluster-hours, %llu heartbeats, %lu failed allocations, seeds from %llu\n", (unsigned long long) n,
               (unsigned long long) (n * (WORLD_USEC / USEC_PER_HOUR)), (unsigned long long) beats, memory_n_failed(),
               (unsigned long long) seed);
        printf("1 passed, 0 failed\n");
        return 0;
}
