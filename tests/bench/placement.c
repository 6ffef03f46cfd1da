/* SPDX-License-Identifier: Apache-2.0 */
/* Placements a second in the core: each algorithm chooses a node and takes the capacity, and gives it back in turn; beside
 * it the naive scan over all nodes. Prints a line of JSON for each. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/prng.h"
#include "basic/time-util.h"
#include "core/sched/algorithms.h"

#define CPU 64000
#define KEPT 4096 /* pods that are there at a time: the oldest leaves when a new one is placed */

static NodeIndexEntry *scan(NodeIndexEntry *nodes, size_t n, int64_t cpu) {
        NodeIndexEntry *best = NULL;

        for (size_t i = 0; i < n; i++)
                if (nodes[i].free >= cpu && (!best || nodes[i].free < best->free))
                        best = &nodes[i];
        return best;
}

static void measure(const SchedAlgorithm *a, size_t n) {
        struct {
                NodeIndexEntry *node;
                int64_t cpu;
        } kept[KEPT] = {};
        NodeIndexEntry *nodes = new0(NodeIndexEntry, n);
        usec_t begun, took;
        uint64_t placed = 0;
        NodeIndex x;
        Prng p;

        prng_init(&p, 1);
        node_index_init(&x);
        node_index_keep(&x, a ? a->order : NODE_ORDER_REGISTERED);
        for (size_t i = 0; i < n; i++) {
                nodes[i].order = i + 1;
                if (node_index_add(&x, &nodes[i]) < 0)
                        exit(1);
                node_index_set(&x, &nodes[i], CPU - (int64_t) prng_below(&p, CPU / 2));
        }
        begun = now_monotonic();
        do
                for (unsigned i = 0; i < 1000; i++, placed++) {
                        size_t k = placed % KEPT;
                        int64_t cpu = 1 + (int64_t) prng_below(&p, 8000);
                        NodeIndexEntry *e;

                        if (kept[k].node)
                                node_index_set(&x, kept[k].node, kept[k].node->free + kept[k].cpu);
                        e = a ? a->choose(&x, cpu) : scan(nodes, n, cpu);
                        kept[k].node = e;
                        kept[k].cpu = cpu;
                        if (e)
                                node_index_set(&x, e, e->free - cpu);
                }
        while ((took = now_monotonic() - begun) < USEC_PER_SEC);
        printf("{\"algorithm\":\"%s\",\"nodes\":%zu,\"rate\":%.0f}\n", a ? a->name : "naive scan (best-fit)", n,
               (double) placed * USEC_PER_SEC / (double) took);
        node_index_done(&x);
        free(nodes);
}

int main(void) {
        for (size_t n = 1000; n <= 100000; n *= 100) {
                for (size_t i = 0; i < sched_algorithm_count(); i++)
                        if (sched_algorithm_get(i)->choose)
                                measure(sched_algorithm_get(i), n);
                measure(NULL, n);
        }
        return 0;
}
