/* SPDX-License-Identifier: Apache-2.0 */
/* Placements a second in the core: each algorithm chooses a node and takes the capacity, and gives it back in turn; beside it the naive
 * scan over all nodes. For pods that ask for CPU alone by the index, and for classes of pods by their orders. Prints a line of JSON for
 * each. */
#include <stdio.h>
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/prng.h"
#include "basic/time-util.h"
#include "core/sched/scheduler.h"

#define CPU 64000
#define KEPT 4096 /* pods that are there at a time: the oldest leaves when a new one is placed */
#define SPAN USEC_PER_SEC

static const uint64_t secret[2] = { 1, 2 };

static void print_rate(const char *name, const char *pods, size_t n, uint64_t placed, usec_t took) {
        printf("{\"algorithm\":\"%s\",\"pods\":\"%s\",\"nodes\":%zu,\"rate\":%.0f}\n", name, pods, n, (double) placed * USEC_PER_SEC / (double) took);
        fflush(stdout);
}

/* --- By the index --- */

static NodeIndexEntry *scan(NodeIndexEntry *nodes, size_t n, int64_t cpu) {
        NodeIndexEntry *best = NULL;

        for (size_t i = 0; i < n; i++)
                if (nodes[i].free >= cpu && (!best || nodes[i].free < best->free))
                        best = &nodes[i];
        return best;
}

static void measure_index(const SchedAlgorithm *a, size_t n) {
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
        while ((took = now_monotonic() - begun) < SPAN);
        print_rate(a ? a->name : "naive scan (best-fit)", "cpu", n, placed, took);
        node_index_done(&x);
        free(nodes);
}

/* --- By class --- */

/* What the pods of each row of the table below ask for beside CPU and memory. */
static const struct {
        const char *name, *spec;
} kinds[] = {
        { "cpu and memory", "" },
        { "node affinity and tolerations",
          ",\"tolerations\":[{\"key\":\"dedicated\",\"operator\":\"Exists\"}],\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":"
          "[{\"weight\":10,\"preference\":{\"matchExpressions\":[{\"key\":\"disk\",\"operator\":\"In\",\"values\":[\"ssd\"]}]}}]}}" },
        { "spread over zones and nodes",
          ",\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"zone\",\"whenUnsatisfiable\":\"DoNotSchedule\",\"labelSelector\":{\"matchLabels\":"
          "{\"app\":\"a\"}}},{\"maxSkew\":2,\"topologyKey\":\"kubernetes.io/hostname\",\"whenUnsatisfiable\":\"ScheduleAnyway\",\"labelSelector\":"
          "{\"matchLabels\":{\"app\":\"a\"}}}]" },
        { "anti-affinity to their like on a node",
          ",\"affinity\":{\"podAntiAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":100,\"podAffinityTerm\":{\"topologyKey\":"
          "\"kubernetes.io/hostname\",\"labelSelector\":{\"matchLabels\":{\"app\":\"a\"}}}}]}}" },
};

#define CLASSES 4 /* of each kind, in turn */

static PodClass *make_class(PodClassPool *pool, const char *spec, unsigned i) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char text[2048];
        PodClass *c;
        Json *root;
        int n;

        n = snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":{\"app\":\"a\"}},\"spec\":{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"%u\","
                     "\"memory\":\"%uGi\"}}}]%s}}", 1 + i % 2, 1 + i, spec);
        if (json_tree_parse(&a, text, (size_t) n, &root, NULL) < 0 || pod_class_of(pool, "default", root, &c, NULL) < 0)
                exit(1);
        return c;
}

static Doc *make_doc(size_t i) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char text[512];
        Json *root;
        Doc *d;
        int n;

        n = snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":{\"zone\":\"z%zu\",\"disk\":\"%s\"}}%s}", i % 10, i % 3 == 0 ? "ssd" : "hdd",
                     i % 7 == 0 ? ",\"spec\":{\"taints\":[{\"key\":\"dedicated\",\"effect\":\"PreferNoSchedule\"}]}" : "");
        if (json_tree_parse(&a, text, (size_t) n, &root, NULL) < 0 || doc_new(root, &d) < 0)
                exit(1);
        return d;
}

static void add_node(Scheduler *s, SchedNode *n, size_t i, Doc *doc) {
        NodeClass *class;
        char name[32];
        Node *node;

        (void) snprintf(name, sizeof(name), "node-%zu", i);
        if (node_new(name, &node) < 0 || node_class_new(doc, &class) < 0)
                exit(1);
        node->cpu = CPU;
        node->health = NODE_HEALTHY;
        node->object.doc = doc_ref(doc);
        *n = (SchedNode) { .order = i + 1, .node = node, .open = true };
        sched_node_update(n, node, class, true, 110);
        node_class_unref(class);
        if (scheduler_add_node(s, n) < 0)
                exit(1);
}

/* The same question answered by looking at every node: an order made anew each time. */
static int choose_naively(Scheduler *s, PodClass *class, const SchedAlgorithm *a, SchedNode **ret) {
        scheduler_forget_orders(s);
        return scheduler_choose(s, class, a, ret);
}

static uint64_t place_for_a_second(Scheduler *s, PodClass *const *classes, const SchedAlgorithm *a, bool naive, usec_t *ret_took) {
        struct {
                SchedNode *node;
                PodClass *class;
        } kept[KEPT] = {};
        uint64_t placed = 0;
        usec_t begun = now_monotonic();

        do
                for (unsigned i = 0; i < (naive ? 1 : 100); i++, placed++) {
                        size_t k = placed % KEPT;
                        PodClass *class = classes[placed % CLASSES];

                        if (kept[k].node) {
                                sched_node_detach(kept[k].node, kept[k].class, 0, false);
                                scheduler_note(s, kept[k].node, SCHED_EVENT_POD_GONE);
                                kept[k].node = NULL;
                        }
                        if ((naive ? choose_naively : scheduler_choose)(s, class, a, &kept[k].node) <= 0)
                                continue;
                        kept[k].class = class;
                        if (sched_node_reserve(kept[k].node) < 0)
                                exit(1);
                        sched_node_attach(kept[k].node, class, 0, false);
                        scheduler_note(s, kept[k].node, SCHED_EVENT_POD_CAME);
                        scheduler_placed(s, class);
                }
        while ((*ret_took = now_monotonic() - begun) < SPAN);
        for (size_t k = 0; k < KEPT; k++)
                if (kept[k].node) {
                        sched_node_detach(kept[k].node, kept[k].class, 0, false);
                        scheduler_note(s, kept[k].node, SCHED_EVENT_POD_GONE);
                }
        return placed;
}

static void measure_classes(size_t n) {
        SchedNode *nodes = new0(SchedNode, n);
        PodClass *classes[ELEMENTSOF(kinds)][CLASSES];
        Doc *docs[210];
        Scheduler s;
        uint64_t placed;
        usec_t took;

        scheduler_init(&s, 1, secret);
        for (size_t i = 0; i < ELEMENTSOF(docs); i++)
                docs[i] = make_doc(i);
        for (size_t i = 0; i < n; i++)
                add_node(&s, &nodes[i], i, docs[i % ELEMENTSOF(docs)]);
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++)
                for (unsigned i = 0; i < CLASSES; i++)
                        classes[k][i] = make_class(&s.classes, kinds[k].spec, i);
        for (size_t i = 0; i < sched_algorithm_count(); i++) {
                placed = place_for_a_second(&s, classes[0], sched_algorithm_get(i), false, &took);
                print_rate(sched_algorithm_get(i)->name, kinds[0].name, n, placed, took);
        }
        for (size_t k = 1; k < ELEMENTSOF(kinds); k++) {
                placed = place_for_a_second(&s, classes[k], &sched_kube, false, &took);
                print_rate(sched_kube.name, kinds[k].name, n, placed, took);
        }
        placed = place_for_a_second(&s, classes[0], &sched_kube, true, &took);
        print_rate("naive scan (kube)", kinds[0].name, n, placed, took);
        /* the process ends: nothing is taken apart */
}

int main(void) {
        static const size_t sizes[] = { 100, 1000, 5000, 100000 };

        for (size_t n = 1000; n <= 100000; n *= 100) {
                for (size_t i = 0; i < sched_algorithm_count(); i++)
                        if (sched_algorithm_get(i)->choose)
                                measure_index(sched_algorithm_get(i), n);
                measure_index(NULL, n);
        }
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++)
                measure_classes(sizes[i]);
        return 0;
}
