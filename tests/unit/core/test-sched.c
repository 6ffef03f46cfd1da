/* SPDX-License-Identifier: Apache-2.0 */
/* Each algorithm against a naive scan over all nodes, on random operations. */
#include "tests/lib/test.h"

#include "basic/macro.h"
#include "basic/prng.h"
#include "core/sched/algorithms.h"
#include "core/sched/pending-queue.h"

#define NODES 150
#define ROUNDS 1000000

typedef struct World {
        NodeIndexEntry nodes[NODES];
        bool in[NODES];
        uint64_t last_order; /* of the naive round-robin */
} World;

static bool has_room(const World *w, size_t i, int64_t cpu) {
        return w->in[i] && w->nodes[i].free != NODE_INDEX_CLOSED && w->nodes[i].free >= cpu;
}

static bool is_better(const char *algorithm, const NodeIndexEntry *a, const NodeIndexEntry *b) {
        if (algorithm[0] == 'b' && a->free != b->free)
                return a->free < b->free;
        if (algorithm[0] == 'w' && a->free != b->free)
                return a->free > b->free;
        return a->order < b->order;
}

static const NodeIndexEntry *naive(World *w, const char *algorithm, int64_t cpu) {
        const NodeIndexEntry *best = NULL;

        for (int pass = 0; pass < 2 && !best; pass++)
                for (size_t i = 0; i < NODES; i++) {
                        if (!has_room(w, i, cpu) || (algorithm[0] == 'r' && pass == 0 && w->nodes[i].order <= w->last_order))
                                continue;
                        if (!best || is_better(algorithm, &w->nodes[i], best))
                                best = &w->nodes[i];
                }
        if (best && algorithm[0] == 'r')
                w->last_order = best->order;
        return best;
}

/* Small amounts, amounts below nothing, and after a while such as are far more than there are buckets. */
static int64_t some_free(Prng *p, unsigned round) {
        uint64_t kind = prng_below(p, 1000);

        return kind < 20 ? -(int64_t) prng_below(p, 10) : kind < 40 && round > ROUNDS / 2 ? (int64_t) prng_below(p, 200000 + round) : (int64_t) prng_below(p, 40);
}

static void check_algorithm(const SchedAlgorithm *a) {
        World w = {};
        uint64_t order = 0;
        NodeIndex x;
        Prng p;

        prng_init(&p, 5);
        node_index_init(&x);
        node_index_keep(&x, a->order);
        for (unsigned i = 0; i < ROUNDS; i++) {
                size_t k = (size_t) prng_below(&p, NODES);
                int64_t cpu = 1 + (int64_t) prng_below(&p, prng_below(&p, 50) == 0 ? 300000 : 50);
                NodeIndexEntry *e = &w.nodes[k];

                if (prng_below(&p, 100) == 0) { /* another algorithm, and this one again */
                        node_index_keep(&x, a->order == NODE_ORDER_FREE ? NODE_ORDER_REGISTERED : NODE_ORDER_FREE);
                        if (w.in[k])
                                node_index_set(&x, e, some_free(&p, i));
                        node_index_keep(&x, a->order);
                }
                switch (prng_below(&p, 10)) {
                case 0:
                        if (w.in[k])
                                node_index_remove(&x, e);
                        else {
                                e->order = ++order;
                                assert_int_equal(node_index_add(&x, e), 0);
                        }
                        w.in[k] = !w.in[k];
                        break;
                case 1 ... 3:
                        if (w.in[k])
                                node_index_set(&x, e, prng_below(&p, 5) == 0 ? NODE_INDEX_CLOSED : some_free(&p, i));
                        break;
                default: {
                        NodeIndexEntry *chosen = a->choose(&x, cpu);

                        assert_ptr_equal(chosen, naive(&w, a->name, cpu));
                        if (chosen)
                                node_index_set(&x, chosen, chosen->free - cpu);
                }
                }
        }
        node_index_done(&x);
}

static void test_algorithms(void **state _unused_) {
        unsigned n = 0;

        for (size_t i = 0; i < sched_algorithm_count(); i++) {
                if (!sched_algorithm_get(i)->choose)
                        continue; /* those are asked by class: test-class-order.c */
                check_algorithm(sched_algorithm_get(i));
                n++;
        }
        assert_int_equal(n, 4);
        assert_null(sched_algorithm_find("magic"));
}

static void test_pending_queue(void **state _unused_) {
        static PendingEntry entries[200];
        bool in[200] = {};
        PendingQueue q;
        size_t n = 0;
        Prng p;

        prng_init(&p, 9);
        pending_queue_init(&q);
        for (unsigned i = 0; i < ROUNDS; i++) {
                size_t k = (size_t) prng_below(&p, 200), expected;
                int64_t free = (int64_t) prng_below(&p, 110);

                if (in[k])
                        pending_queue_remove(&q, &entries[k]);
                else {
                        entries[k] = (PendingEntry) { .cpu = 1 + (int64_t) prng_below(&p, 100), .order = k };
                        assert_int_equal(pending_queue_add(&q, &entries[k]), 0);
                }
                n += in[k] ? (size_t) -1 : 1;
                in[k] = !in[k];
                for (expected = 0; expected < 200 && !(in[expected] && entries[expected].cpu <= free); expected++)
                        ;
                assert_ptr_equal(pending_queue_first_fit(&q, free), expected == 200 ? NULL : &entries[expected]);
                assert_int_equal(pending_queue_size(&q), n);
        }
        pending_queue_done(&q);
}

int main(void) {
        static const struct CMUnitTest tests[] = { cmocka_unit_test(test_algorithms), cmocka_unit_test(test_pending_queue) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
