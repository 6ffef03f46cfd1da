/* SPDX-License-Identifier: Apache-2.0 */
/* Placements a second in the core: each algorithm chooses a node and takes the capacity, and gives it back in turn. For pods that ask for
 * CPU alone by the index, and for classes of pods by their orders; "scan" is the same choice by looking at every node. Prints a line of
 * JSON for each. Usage: placement NODES */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/prng.h"
#include "basic/time-util.h"
#include "core/sched/scheduler.h"

#define CPU 64000
#define KEPT 4096 /* pods that are there at a time: the oldest leaves when a new one is placed */
#define SPAN (USEC_PER_SEC / 2)
#define SCAN_SPAN (USEC_PER_SEC / 5)

static const uint64_t secret[2] = { 1, 2 };

static void print_rate(const char *name, const char *pods, size_t n, double rate, double scan) {
        printf("{\"algorithm\":\"%s\",\"pods\":\"%s\",\"nodes\":%zu,\"rate\":%.1f,\"scan\":%.1f}\n", name, pods, n, rate, scan);
        fflush(stdout);
}

/* --- By the index --- */

typedef struct Indexed {
        NodeIndex index;
        NodeIndexEntry *nodes;
        size_t n;
        uint64_t last; /* order of the node that was chosen last */
        Prng prng;
} Indexed;

/* What the index is asked for, by looking at every node. */
static NodeIndexEntry *scan_index(Indexed *x, const SchedAlgorithm *a, int64_t cpu) {
        NodeIndexEntry *best = NULL;

        for (size_t i = 0; i < x->n; i++) {
                NodeIndexEntry *e = &x->nodes[i];

                if (e->free < cpu)
                        continue;
                if (a == &sched_first_fit)
                        return e;
                if (a == &sched_round_robin && e->order > x->last) {
                        x->last = e->order;
                        return e;
                }
                if (!best || (a == &sched_best_fit && e->free < best->free) || (a == &sched_worst_fit && e->free > best->free))
                        best = e;
        }
        x->last = best ? best->order : 0;
        return best;
}

/* Placements a second. */
static double run_index(Indexed *x, const SchedAlgorithm *a, bool scan) {
        struct {
                NodeIndexEntry *node;
                int64_t cpu;
        } kept[KEPT] = {};
        usec_t begun = now_monotonic(), took;
        uint64_t placed = 0;

        do
                for (unsigned i = 0; i < 100; i++, placed++) {
                        size_t k = placed % KEPT;
                        int64_t cpu = 1 + (int64_t) prng_below(&x->prng, 8000);
                        NodeIndexEntry *e;

                        if (kept[k].node)
                                node_index_set(&x->index, kept[k].node, kept[k].node->free + kept[k].cpu);
                        e = scan ? scan_index(x, a, cpu) : a->choose(&x->index, cpu);
                        kept[k].node = e;
                        kept[k].cpu = cpu;
                        if (e)
                                node_index_set(&x->index, e, e->free - cpu);
                }
        while ((took = now_monotonic() - begun) < (scan ? SCAN_SPAN : SPAN));
        for (size_t k = 0; k < KEPT; k++)
                if (kept[k].node)
                        node_index_set(&x->index, kept[k].node, kept[k].node->free + kept[k].cpu);
        return (double) placed * USEC_PER_SEC / (double) took;
}

static void measure_index(const SchedAlgorithm *a, size_t n) {
        Indexed x = { .nodes = new0(NodeIndexEntry, n), .n = n };
        double rate;

        if (!x.nodes)
                exit(1);
        prng_init(&x.prng, 1);
        node_index_init(&x.index);
        node_index_keep(&x.index, a->order);
        for (size_t i = 0; i < n; i++) {
                x.nodes[i].order = i + 1;
                if (node_index_add(&x.index, &x.nodes[i]) < 0)
                        exit(1);
                node_index_set(&x.index, &x.nodes[i], CPU - (int64_t) prng_below(&x.prng, CPU / 2));
        }
        rate = run_index(&x, a, false);
        print_rate(a->name, "cpu alone", n, rate, run_index(&x, a, true));
        node_index_done(&x.index);
        free(x.nodes);
}

/* --- By class --- */

/* What the pods of each row of the table below ask for beside CPU and memory. Those of the first have app=a, and so on: what some want
 * to be near to is not looked at for the others. */
static const struct {
        const char *name, *spec;
} kinds[] = {
        { "cpu and memory", "" },
        { "node affinity and tolerations",
          ",\"tolerations\":[{\"key\":\"dedicated\",\"operator\":\"Exists\"}],\"affinity\":{\"nodeAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":"
          "[{\"weight\":10,\"preference\":{\"matchExpressions\":[{\"key\":\"disk\",\"operator\":\"In\",\"values\":[\"ssd\"]}]}}]}}" },
        { "spread over zones and nodes",
          ",\"topologySpreadConstraints\":[{\"maxSkew\":1,\"topologyKey\":\"zone\",\"whenUnsatisfiable\":\"DoNotSchedule\",\"labelSelector\":{\"matchLabels\":"
          "{\"app\":\"c\"}}},{\"maxSkew\":2,\"topologyKey\":\"kubernetes.io/hostname\",\"whenUnsatisfiable\":\"ScheduleAnyway\",\"labelSelector\":"
          "{\"matchLabels\":{\"app\":\"c\"}}}]" },
        { "away from their like on a node",
          ",\"affinity\":{\"podAntiAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":100,\"podAffinityTerm\":{\"topologyKey\":"
          "\"kubernetes.io/hostname\",\"labelSelector\":{\"matchLabels\":{\"app\":\"d\"}}}}]}}" },
        { "near their like in one of 100 racks",
          ",\"affinity\":{\"podAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":100,\"podAffinityTerm\":{\"topologyKey\":"
          "\"rack\",\"labelSelector\":{\"matchLabels\":{\"app\":\"e\"}}}}]}}" },
};

#define CLASSES 4 /* of each kind, in turn */
#define RACKS 100
#define DOCUMENTS (210 * 10) /* 210 differ in what is no rack */

static PodClass *make_class(PodClassPool *pool, size_t kind, unsigned i) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char text[2048];
        PodClass *c;
        Json *root;
        int n;

        n = snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":{\"app\":\"%c\"}},\"spec\":{\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"%u\","
                     "\"memory\":\"%uGi\"}}}]%s}}", (char) ('a' + kind), 1 + i % 2, 1 + i, kinds[kind].spec);
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

        n = snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":{\"zone\":\"z%zu\",\"rack\":\"r%zu\",\"disk\":\"%s\"}}%s}", i % 10,
                     i / (DOCUMENTS / RACKS), i % 3 == 0 ? "ssd" : "hdd", i % 7 == 0 ? ",\"spec\":{\"taints\":[{\"key\":\"dedicated\",\"effect\":\"PreferNoSchedule\"}]}" : "");
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

/* The same choice by looking at every node. */
static int scan_nodes(Scheduler *s, PodClass *class, const SchedAlgorithm *a, SchedNode **ret) {
        static int64_t *totals, *taints;
        int64_t taints_max = 0;
        size_t best = SIZE_MAX, fits = 0;

        totals = totals ?: new0(int64_t, s->n_slots);
        taints = taints ?: new0(int64_t, s->n_slots);
        if (!totals || !taints)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_slots; i++) {
                const SchedNode *n = s->nodes[i];

                totals[i] = INT64_MIN;
                if (filter_static(class, n).kind != FILTER_FITS || filter_dynamic(class, n).kind != FILTER_FITS)
                        continue;
                fits++;
                totals[i] = a->key ? a->key(s, class, n) : 0;
                taints[i] = a->profile ? score_taints(class, n) : 0;
                taints_max = MAX(taints_max, taints[i]);
        }
        for (size_t i = 0; i < s->n_slots; i++) {
                if (totals[i] == INT64_MIN)
                        continue;
                if (a->profile)
                        totals[i] += (SCORE_MAX - (taints_max > 0 ? taints[i] * SCORE_MAX / taints_max : 0)) * score_plugin_weight(SCORE_TAINTS);
                if (a->pick == PICK_RANDOM ? prng_below(&s->prng, fits) == 0 : best == SIZE_MAX || totals[i] > totals[best])
                        best = i;
        }
        *ret = best == SIZE_MAX ? NULL : s->nodes[best];
        return *ret != NULL;
}

/* Of classes whose scores look at other nodes' pods, too: an order that is made anew each time. */
static int choose_anew(Scheduler *s, PodClass *class, const SchedAlgorithm *a, SchedNode **ret) {
        scheduler_forget_orders(s);
        return scheduler_choose(s, class, a, ret);
}

typedef struct Kept {
        SchedNode *node;
        PodClass *class;
} Kept;

static void let_go(Scheduler *s, Kept *k) {
        if (!k->node)
                return;
        sched_node_detach(k->node, k->class, 0, false);
        scheduler_note(s, k->node, SCHED_EVENT_POD_GONE);
        k->node = NULL;
}

typedef int (*choose_t)(Scheduler *s, PodClass *class, const SchedAlgorithm *a, SchedNode **ret);

static void place(Scheduler *s, PodClass *class, const SchedAlgorithm *a, choose_t choose, Kept *k) {
        let_go(s, k);
        if (choose(s, class, a, &k->node) <= 0) {
                k->node = NULL;
                return;
        }
        k->class = class;
        if (sched_node_reserve(k->node) < 0)
                exit(1);
        sched_node_attach(k->node, class, 0, false);
        scheduler_note(s, k->node, SCHED_EVENT_POD_CAME);
        scheduler_placed(s, class);
}

/* Placements a second. `choose` NULL: as the scheduler does it, with orders that are there. */
static double run_classes(Scheduler *s, PodClass *const *classes, const SchedAlgorithm *a, choose_t choose) {
        Kept kept[KEPT] = {};
        unsigned step = choose ? 1 : 100;
        uint64_t placed = 0, before = 0;
        usec_t begun, took;

        for (; !choose && before < KEPT; before++)
                place(s, classes[before % CLASSES], a, scheduler_choose, &kept[before]);
        begun = now_monotonic();
        do
                for (unsigned i = 0; i < step; i++, placed++)
                        place(s, classes[placed % CLASSES], a, choose ?: scheduler_choose, &kept[placed % KEPT]);
        while ((took = now_monotonic() - begun) < (choose ? SCAN_SPAN : SPAN));
        for (size_t k = 0; k < KEPT; k++)
                let_go(s, &kept[k]);
        return (double) placed * USEC_PER_SEC / (double) took;
}

static void measure_classes(size_t n) {
        SchedNode *nodes = new0(SchedNode, n);
        PodClass *classes[ELEMENTSOF(kinds)][CLASSES];
        Doc *docs[DOCUMENTS];
        Scheduler s;
        double rate;

        if (!nodes)
                exit(1);
        scheduler_init(&s, 1, secret);
        for (size_t i = 0; i < ELEMENTSOF(docs); i++)
                docs[i] = make_doc(i);
        for (size_t i = 0; i < n; i++)
                add_node(&s, &nodes[i], i, docs[i * (MAX(n, (size_t) DOCUMENTS) == n ? 1 : DOCUMENTS / n) % DOCUMENTS]);
        for (size_t k = 0; k < ELEMENTSOF(kinds); k++)
                for (unsigned i = 0; i < CLASSES; i++)
                        classes[k][i] = make_class(&s.classes, k, i);
        for (size_t i = 0; i < sched_algorithm_count(); i++) {
                const SchedAlgorithm *a = sched_algorithm_get(i);

                rate = run_classes(&s, classes[0], a, NULL);
                print_rate(a->name, kinds[0].name, n, rate, run_classes(&s, classes[0], a, scan_nodes));
        }
        for (size_t k = 1; k < ELEMENTSOF(kinds); k++) {
                rate = run_classes(&s, classes[k], &sched_kube, NULL);
                print_rate(sched_kube.name, kinds[k].name, n, rate, run_classes(&s, classes[k], &sched_kube, choose_anew));
        }
}

/* One size: the process ends after it, and nothing is taken apart. */
int main(int argc, char *argv[]) {
        uint64_t n;

        if (argc != 2 || parse_u64(argv[1], &n) < 0 || n == 0)
                return 2;
        for (size_t i = 0; i < sched_algorithm_count(); i++)
                if (sched_algorithm_get(i)->choose)
                        measure_index(sched_algorithm_get(i), n);
        measure_classes(n);
        return 0;
}
