/* SPDX-License-Identifier: Apache-2.0 */
/* What if: the copy that is made while the state goes on, pods placed on it and by the live scheduler, and memory that runs out. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/alloc-util.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/state.h"
#include "core/control/what-if-internal.h"
#include "tests/sim/memory.h"

#define NOW USEC_PER_SEC
#define WORLDS 60
#define ITEMS 5

static Cluster *new_cluster(const char *algorithm) {
        static const uint64_t secret[2] = { 7, 8 };
        const ClusterConfig config = {
                .node_timeout_usec = USEC_PER_HOUR, .remove_after_usec = USEC_PER_HOUR, .heartbeat_interval_usec = USEC_PER_HOUR, .nodes_max = 5000,
                .objects_max = 1000, .pods_max = 5000, .pods_per_node_max = 100, .node_cpu_max = 64000, .watch_log_max = 10000, .event_log_max = 100,
                .backoff_initial_usec = USEC_PER_SEC, .backoff_max_usec = USEC_PER_SEC, .algorithm = algorithm,
        };
        Cluster *c;

        assert_int_equal(cluster_new(&config, 1, secret, &c), 0);
        cluster_set_clock(c, 0);
        assert_int_equal(cluster_loaded(c, NOW, 0, 0), 0);
        return c;
}

static void add_nodes(Cluster *c, unsigned first, unsigned n, int64_t cpu) {
        char name[20];
        NodeState *ns;

        for (unsigned i = first; i < first + n; i++) {
                (void) snprintf(name, sizeof(name), "n%u", i);
                assert_int_equal(cluster_add_node(c, NOW, name, cpu, &ns, NULL), 0);
        }
}

/* Of a pod of that many millicores; gang: how many of them there have to be, 0: it is of none. */
static const char *manifest_of(unsigned cpu, int priority, unsigned gang, char *buf, size_t size) {
        char annotations[160] = "";

        if (gang > 0)
                (void) snprintf(annotations, sizeof(annotations), "\"annotations\":{\"kubesim.io/pod-group\":\"g%u-%d\",\"kubesim.io/pod-group-min-member\":"
                                "\"%u\"}", gang, priority, gang);
        (void) snprintf(buf, size, "{\"metadata\":{%s},\"spec\":{\"priority\":%d,\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":"
                        "{\"cpu\":\"%um\"}}}]}}", annotations, priority, cpu);
        return buf;
}

static Json *parse(JsonArena *a, const char *text) {
        char *copy = json_arena_copy(a, text, strlen(text));
        Json *root;

        return copy && json_tree_parse(a, copy, strlen(text), &root, NULL) >= 0 ? root : NULL;
}

/* The node that the pod is on, or NULL. */
static const char *create(Cluster *c, const char *name, const char *text) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Object *o;

        assert_int_equal(cluster_create_object(c, NOW, KIND_POD, name, parse(&a, text), false, &o, NULL), 0);
        object_unref(o);
        return pod_of(find_pod(c, name))->node;
}

static int make_item(WhatIf *w, const char *text, uint64_t count, WhatIfItem *ret) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Json *root = parse(&a, text);

        *ret = (WhatIfItem) { .count = count };
        return root ? pod_class_of(&w->scheduler.classes, "default", root, &ret->class, NULL) : -ENOMEM;
}

static int copy_all(WhatIf *w, WhatIfItem *items, size_t n) {
        int r;

        while ((r = what_if_copy(w, items, n)) > 0)
                ;
        return r;
}

static int place_all(WhatIf *w, WhatIfItem *items, size_t n, const SchedAlgorithm *algorithm) {
        int r;

        what_if_reset(w, items, n);
        while ((r = what_if_step(w, items, n, algorithm)) > 0)
                ;
        return r;
}

/* --- The copy --- */

static bool is_copy_of(const SchedNode *a, const SchedNode *b) {
        return a->node == b->node && a->class == b->class && a->n_pods == b->n_pods && a->used.cpu == b->used.cpu && a->open == b->open;
}

static void check_copy(const WhatIf *w, const Scheduler *live) {
        size_t n = 0;

        assert_true(w->n_copies >= live->n_slots);
        for (size_t i = 0; i < live->n_slots; i++) {
                assert_true((w->copies[i] != NULL) == (live->nodes[i] != NULL));
                n += live->nodes[i] != NULL;
                if (live->nodes[i])
                        assert_true(is_copy_of(w->copies[i], live->nodes[i]));
        }
        assert_int_equal(w->scheduler.n_nodes, n);
        assert_int_equal(w->scheduler.odd_hostnames, live->odd_hostnames);
}

/* Nodes come, go and change, before and after they were copied; at the end the copy is of the last moment. */
static void test_copy_while_the_state_goes_on(void **state _unused_) {
        char text[400], name[20];
        unsigned steps = 0, next = 2000;
        Cluster *c = new_cluster("worst-fit");
        WhatIf *w;

        add_nodes(c, 0, 2000, 4000);
        assert_int_equal(what_if_new(c, 1, &w), 0);
        while (what_if_copy(w, NULL, 0) > 0) {
                steps++;
                if (steps > 20)
                        continue;
                for (unsigned i = 0; i < 10; i++) {
                        (void) snprintf(name, sizeof(name), "p%u-%u", steps, i);
                        assert_non_null(create(c, name, manifest_of(100, 0, 0, text, sizeof(text))));
                        (void) snprintf(name, sizeof(name), "n%u", i * 200 + steps);
                        assert_int_equal(cluster_remove_node(c, NOW, name, NULL) >= 0, 1);
                }
                add_nodes(c, next, 30, 2000); /* more than went: slots and the ring of changes grow */
                next += 30;
        }
        assert_true(steps >= 8);
        check_copy(w, &c->scheduler);
        w = what_if_free(w);
        cluster_free(c);
}

/* Most nodes go: those that are left move together, and what was copied of slots that are no longer there is forgotten. */
static void test_copy_while_slots_move(void **state _unused_) {
        Cluster *c = new_cluster("worst-fit");
        char name[20];
        WhatIf *w;

        add_nodes(c, 0, 1000, 4000);
        assert_int_equal(c->scheduler.n_slots, 1000);
        assert_int_equal(what_if_new(c, 1, &w), 0);
        assert_int_equal(what_if_copy(w, NULL, 0), 1);
        for (unsigned i = 0; i < 1000; i++) {
                (void) snprintf(name, sizeof(name), "n%u", i);
                if (i % 100 != 50)
                        assert_int_equal(cluster_remove_node(c, NOW, name, NULL) >= 0, 1);
                if (i == 500)
                        assert_int_equal(what_if_copy(w, NULL, 0), 1);
        }
        assert_in_range(c->scheduler.n_slots, 10, 20);
        assert_int_equal(copy_all(w, NULL, 0), 0);
        check_copy(w, &c->scheduler);
        w = what_if_free(w);
        cluster_free(c);
}

/* More changes than the ring has: it begins anew. */
static void test_copy_that_is_overtaken(void **state _unused_) {
        Cluster *c = new_cluster("worst-fit");
        char text[400], name[20];
        WhatIf *w;

        add_nodes(c, 0, 600, 4000);
        assert_int_equal(what_if_new(c, 1, &w), 0);
        assert_int_equal(what_if_copy(w, NULL, 0), 1);
        for (unsigned i = 0; i < 2000; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                assert_non_null(create(c, name, manifest_of(100, 0, 0, text, sizeof(text))));
        }
        assert_int_equal(copy_all(w, NULL, 0), 0);
        check_copy(w, &c->scheduler);
        w = what_if_free(w);
        cluster_free(c);
}

/* Whatever grows with the nodes or the pods is done a part at a time: nothing that the loop could wait for. */
static void test_steps_are_small(void **state _unused_) {
        const SchedAlgorithm *kube = sched_algorithm_find("kube");
        Cluster *c = new_cluster("worst-fit");
        unsigned copied = 1, looked = 0, took_back = 0, shrunk = 1;
        char text[400];
        WhatIfItem item;
        WhatIf *w;

        add_nodes(c, 0, 3000, 4000);
        assert_int_equal(what_if_new(c, 1, &w), 0);
        assert_int_equal(make_item(w, manifest_of(1000, 0, 0, text, sizeof(text)), 3000, &item), 0);
        while (what_if_copy(w, &item, 1) > 0)
                copied++;
        assert_int_equal(place_all(w, &item, 1, kube), 0);
        assert_int_equal(item.placed, 3000);
        for (what_if_reset(w, &item, 1); item.placed > 0; took_back++)
                assert_int_equal(what_if_step(w, &item, 1, kube), 1);
        for (; item.placed == 0; looked++)
                assert_int_equal(what_if_step(w, &item, 1, kube), 1);
        what_if_item_done(&item);
        while (what_if_shrink(w) > 0)
                shrunk++;
        assert_true(copied >= 10 && took_back >= 10 && looked >= 10 && shrunk >= 10);
        what_if_free(w);
        cluster_free(c);
}

/* --- What is placed --- */

/* Priorities descend, as manifests have them. */
static void make_workload(Prng *prng, WhatIf *w, WhatIfItem *items, char texts[ITEMS][400]) {
        for (int i = 0; i < ITEMS; i++) {
                unsigned gang = prng_below(prng, 2) == 0 ? 0 : 2 + (unsigned) prng_below(prng, 6);

                (void) manifest_of(500 + 500 * (unsigned) prng_below(prng, 4), 100 - i, gang, texts[i], sizeof(texts[i]));
                assert_int_equal(make_item(w, texts[i], 1 + prng_below(prng, 8), &items[i]), 0);
        }
}

static uint64_t create_live(Cluster *c, unsigned item, const WhatIfItem *x, const char *text) {
        uint64_t n = 0;
        char name[20];

        for (unsigned i = 0; i < x->count; i++) {
                (void) snprintf(name, sizeof(name), "p%u-%u", item, i);
                (void) create(c, name, text);
        }
        for (unsigned i = 0; i < x->count; i++) {
                (void) snprintf(name, sizeof(name), "p%u-%u", item, i);
                n += pod_of(find_pod(c, name))->node != NULL;
        }
        return n;
}

static void run_world(uint64_t seed) {
        static const char *const names[] = { "first-fit", "best-fit", "worst-fit", "kube" };
        const char *algorithm = names[seed % ELEMENTSOF(names)];
        Cluster *c = new_cluster(algorithm);
        char texts[ITEMS][400];
        WhatIfItem items[ITEMS];
        Prng prng;
        WhatIf *w;

        prng_init(&prng, seed);
        add_nodes(c, 0, 1 + (unsigned) prng_below(&prng, 6), (int64_t) (1000 + 1000 * prng_below(&prng, 4)));
        assert_int_equal(what_if_new(c, 1, &w), 0);
        make_workload(&prng, w, items, texts);
        assert_int_equal(copy_all(w, items, ITEMS), 0);
        assert_int_equal(place_all(w, items, ITEMS, sched_algorithm_find("random")), 0); /* leaves no trace */
        assert_int_equal(place_all(w, items, ITEMS, sched_algorithm_find(algorithm)), 0);
        for (unsigned i = 0; i < ITEMS; i++) {
                uint64_t live = create_live(c, i, &items[i], texts[i]);

                if (live != items[i].placed)
                        fail_msg("seed %llu, %s, item %u, %s: %llu placed, %llu live", (unsigned long long) seed, algorithm, i, texts[i],
                                 (unsigned long long) items[i].placed, (unsigned long long) live);
        }
        for (unsigned i = 0; i < ITEMS; i++)
                what_if_item_done(&items[i]);
        w = what_if_free(w);
        cluster_free(c);
}

static void test_places_as_the_live_scheduler(void **state _unused_) {
        for (uint64_t seed = 1; seed <= WORLDS; seed++)
                run_world(seed);
}

/* --- Who is sent away --- */

static int64_t cpu_of(const SchedUses *u, int32_t priority) {
        int64_t cpu = 0;

        for (uint32_t i = 0; i < u->n_items; i++)
                if (u->items[i].class->priority >= priority)
                        cpu += u->items[i].n * u->items[i].class->requests.cpu;
        return cpu;
}

/* What the node would have free for a pod of that priority, had it sent others away. */
static int64_t free_for(const SchedNode *n, int32_t priority) {
        return n->allocatable.cpu - cpu_of(&n->uses, priority) - cpu_of(&n->nominated, priority);
}

/* No node has more than fits, nobody has got lost, and whoever waits could not even have sent others away. */
static void check_preempted(const WhatIf *w, const WhatIfItem *items, uint64_t n_live) {
        uint64_t n_pods = 0, placed = 0;

        for (size_t i = 0; i < ITEMS; i++)
                placed += items[i].placed;
        for (size_t k = 0; k < w->n_copies; k++) {
                const SchedNode *n = w->copies[k];

                if (!n)
                        continue;
                n_pods += n->n_pods;
                assert_true(n->used.cpu <= n->allocatable.cpu);
                for (size_t i = 0; i < ITEMS; i++)
                        if (items[i].placed < items[i].count)
                                assert_true(free_for(n, items[i].class->priority) < items[i].class->requests.cpu);
        }
        assert_int_equal(n_pods, n_live - w->n_preempted + placed);
}

/* Where others went for a pod, nobody that matters less than it is still to come. */
static void check_nominations(const WhatIf *w) {
        for (size_t i = 0; i < w->n_placed; i++) {
                const SchedNode *n = w->placed[i].node;
                size_t k = i;

                if (!w->placed[i].gone)
                        continue;
                while (w->placed[k].gone)
                        k++; /* for whom they went */
                for (uint32_t u = 0; u < n->nominated.n_items; u++)
                        assert_true(n->nominated.items[u].class->priority >= w->placed[k].item->class->priority);
        }
}

static uint64_t run_preempting_world(uint64_t seed) {
        const SchedAlgorithm *algorithm = sched_algorithm_get(seed % sched_algorithm_count());
        Cluster *c = new_cluster("first-fit");
        uint64_t n_live, n_preempted, placed[ITEMS];
        char text[400], name[20];
        WhatIfItem items[ITEMS];
        Prng prng;
        WhatIf *w;

        prng_init(&prng, seed);
        add_nodes(c, 0, 1 + (unsigned) prng_below(&prng, 150), 3000);
        for (unsigned i = 0; i < 300; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                (void) create(c, name, manifest_of(500 + 500 * (unsigned) prng_below(&prng, 3), (int) prng_below(&prng, 4), 0, text, sizeof(text)));
        }
        n_live = c->stats.pods_bound; /* not all have found room, and some are being sent away */
        assert_int_equal(what_if_new(c, seed, &w), 0);
        w->preempts = true;
        for (int i = 0; i < ITEMS; i++)
                assert_int_equal(make_item(w, manifest_of(500 + 500 * (unsigned) prng_below(&prng, 4), 6 - i, 0, text, sizeof(text)),
                                           1 + prng_below(&prng, 40), &items[i]), 0);
        assert_int_equal(copy_all(w, items, ITEMS), 0);
        assert_int_equal(place_all(w, items, ITEMS, algorithm), 0);
        check_preempted(w, items, n_live);
        check_nominations(w);
        n_preempted = w->n_preempted;
        for (int i = 0; i < ITEMS; i++)
                placed[i] = items[i].placed;
        for (what_if_reset(w, items, ITEMS); !what_if_places(w);)
                assert_true(what_if_step(w, items, ITEMS, algorithm) >= 0);
        assert_int_equal(place_all(w, items, ITEMS, algorithm), 0);
        assert_int_equal(w->n_preempted, n_preempted);
        for (int i = 0; i < ITEMS; i++)
                assert_int_equal(items[i].placed, placed[i]);
        for (what_if_reset(w, items, ITEMS); w->n_placed > 0;)
                assert_int_equal(what_if_step(w, items, ITEMS, algorithm), 1);
        check_copy(w, &c->scheduler);
        assert_int_equal(w->n_preempted, 0);
        for (int i = 0; i < ITEMS; i++)
                what_if_item_done(&items[i]);
        what_if_free(w);
        cluster_free(c);
        return n_preempted;
}

static void test_sends_others_away(void **state _unused_) {
        uint64_t n = 0;

        for (uint64_t seed = 1; seed <= WORLDS / 2; seed++)
                n += run_preempting_world(seed);
        assert_true(n > 100);
}

/* --- Memory that runs out --- */

static int ask_all(Cluster *c, uint64_t *ret_placed) {
        char texts[2][400];
        _cleanup_(what_if_freep) WhatIf *w = NULL;
        _cleanup_(what_if_item_done) WhatIfItem a = {}, b = {};
        _cleanup_strbuf_ StrBuf reason = STRBUF_INIT(MIB);
        WhatIfItem items[2];
        int r;

        r = what_if_new(c, 1, &w);
        if (r >= 0)
                w->preempts = true;
        if (r >= 0)
                r = make_item(w, manifest_of(900, 5, 0, texts[0], sizeof(texts[0])), 1000, &a);
        if (r >= 0)
                r = make_item(w, manifest_of(700, 0, 3, texts[1], sizeof(texts[1])), 5, &b);
        items[0] = a;
        items[1] = b;
        if (r >= 0)
                r = copy_all(w, items, 2);
        for (size_t i = 0; i < sched_algorithm_count() && r >= 0; i++) {
                r = place_all(w, items, 2, sched_algorithm_get(i));
                if (r >= 0)
                        r = what_if_put_reason(w, a.class, sched_algorithm_get(i), &reason);
        }
        *ret_placed = items[0].placed + items[1].placed;
        return r < 0 ? r : strbuf_error(&reason);
}

/* Each allocation fails in turn: there is an error or the right answer, and the live state is as it was. Leaks are for the sanitizers. */
static void test_each_allocation_fails(void **state _unused_) {
        Cluster *c = new_cluster("kube");
        uint64_t revision, changes, placed, right, classes;
        char text[400], name[20];
        unsigned n = 0;
        int r;

        add_nodes(c, 0, 4, 4000);
        for (unsigned i = 0; i < 6; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                assert_non_null(create(c, name, manifest_of(500, 0, 0, text, sizeof(text))));
        }
        assert_int_equal(ask_all(c, &right), 0);
        assert_true(right > 0);
        revision = store_revision(c->store);
        changes = c->scheduler.n_changes;
        classes = c->scheduler.classes.by_text.n_used;
        do {
                n++;
                memory_fail(n, n % 3 == 0 ? n % 7 : 0); /* alone, or with some more */
                r = ask_all(c, &placed);
                if (!memory_failed())
                        break;
                assert_true(r == -ENOMEM || (r == 0 && placed == right));
                assert_int_equal(store_revision(c->store), revision);
                assert_int_equal(c->scheduler.n_changes, changes);
                assert_int_equal(c->scheduler.classes.by_text.n_used, classes);
        } while (true);
        memory_fail(0, 0);
        assert_true(n > 100);
        assert_int_equal(r, 0);
        assert_int_equal(placed, right);
        assert_int_equal(ask_all(c, &placed), 0);
        cluster_free(c);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_copy_while_the_state_goes_on), cmocka_unit_test(test_copy_while_slots_move), cmocka_unit_test(test_copy_that_is_overtaken),
                cmocka_unit_test(test_steps_are_small), cmocka_unit_test(test_sends_others_away),
                cmocka_unit_test(test_places_as_the_live_scheduler), cmocka_unit_test(test_each_allocation_fails),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
