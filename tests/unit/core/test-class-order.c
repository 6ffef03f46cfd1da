/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler against a naive scan of the whole cluster (tests/lib/naive-cluster.h): random nodes, pods and classes of pods, random
 * changes of them, and now and then the question what a pod of some class would find, and where it would go. */
#include "tests/lib/test.h"

#include "basic/macro.h"
#include "basic/prng.h"
#include "basic/strbuf.h"
#include "basic/string-util.h"
#include "core/sched/scheduler.h"
#include "tests/lib/naive-cluster.h"

#define WORLDS 110
#define OPERATIONS 10000 /* in each of them */
#define QUESTION_EVERY 9
#define MI ((int64_t) 1 << 20)
#define GI (1024 * MI)
#define GPU "nvidia.com/gpu"

typedef struct World {
        Prng prng;
        NaiveCluster naive;
        Scheduler s;
        SchedNode nodes[NAIVE_NODES];
        Node *objects[NAIVE_NODES];
        PodClass *classes[NAIVE_CLASSES];
        uint64_t n_orders;
        uint64_t n_asked, n_shared; /* orders that were asked for; those of them that were made for another class */
        unsigned n_nodes; /* at most that many */
} World;

static unsigned any(World *w, unsigned n) {
        return (unsigned) prng_below(&w->prng, n);
}

static bool one_in(World *w, unsigned n) {
        return any(w, n) == 0;
}

static const char *of(World *w, const char *const list[], unsigned n) {
        return list[any(w, n)];
}

/* --- Random pods --- */

static const char *const apps[] = { "a", "b", "c" }, *const tiers[] = { "x", "y" }, *const zones[] = { "z0", "z1", "z2" };
static const char *const disks[] = { "ssd", "hdd" }, *const ranks[] = { "1", "2", "3", "many" }, *const names[] = { "n0", "n1", "n2", "n3" };
static const char *const effects[] = { "NoSchedule", "NoExecute", "PreferNoSchedule" }, *const taint_keys[] = { "k", "node.kubernetes.io/unschedulable" };

static const char *some_value(World *w, const char *key) {
        if (!key)
                return of(w, names, 4);
        if (streq(key, "topology.kubernetes.io/zone"))
                return of(w, zones, 3);
        if (streq(key, "disk"))
                return of(w, disks, 2);
        return streq(key, "app") ? of(w, apps, 3) : of(w, tiers, 2);
}

static Rule some_rule(World *w, const char *key, bool fields) {
        static const RuleOperator operators[] = { IN, IN, NOT_IN, EXISTS, ABSENT };
        Rule r = { .key = key, .operator = operators[any(w, 5)] };

        if (fields)
                r.operator = one_in(w, 2) ? IN : NOT_IN;
        if (key && streq(key, "rank")) {
                static const char *const numbers[] = { "0", "1", "2" };

                r.operator = one_in(w, 2) ? GREATER : LESS;
                r.values[r.n++] = of(w, numbers, 3);
        } else if (r.operator == IN || r.operator == NOT_IN) {
                r.values[r.n++] = some_value(w, key);
                if (!fields && one_in(w, 2))
                        r.values[r.n++] = some_value(w, key);
        }
        return r;
}

static Rules some_node_rules(World *w) {
        static const char *const keys[] = { "topology.kubernetes.io/zone", "disk", "rank" };
        Rules r = {};

        for (unsigned i = any(w, 3); i > 0; i--)
                r.items[r.n++] = some_rule(w, of(w, keys, 3), false);
        if (one_in(w, 4))
                r.items[r.n++] = some_rule(w, NULL, true);
        return r;
}

static Rules some_pod_rules(World *w) {
        Rules r = {};

        if (!one_in(w, 8))
                r.items[r.n++] = some_rule(w, "app", false);
        if (one_in(w, 3))
                r.items[r.n++] = some_rule(w, "tier", false);
        return r;
}

static const char *some_topology(World *w) {
        static const char *const topologies[] = { "topology.kubernetes.io/zone", "kubernetes.io/hostname", "kubernetes.io/hostname", "disk" };

        return of(w, topologies, 4);
}

static PodsRule some_term(World *w, int weight) {
        PodsRule t = { .there = !one_in(w, 12), .selector = some_pod_rules(w), .topology = some_topology(w), .weight = weight,
                       .same_tier = one_in(w, 6), .other_tier = one_in(w, 8) };

        if (t.same_tier || !t.there)
                t.other_tier = false;
        t.same_tier &= t.there;
        if (one_in(w, 4))
                t.namespace = of(w, naive_namespaces, 3);
        if (one_in(w, 5))
                t.by_namespace_label = true;
        else
                t.any_namespace = one_in(w, 8);
        return t;
}

static TolerationRule some_toleration(World *w) {
        TolerationRule t = { .key = of(w, taint_keys, 2), .value = one_in(w, 2) ? "v" : "", .effect = one_in(w, 2) ? of(w, effects, 3) : NULL };

        t.exists = one_in(w, 2);
        if (t.exists && one_in(w, 4))
                t.key = NULL;
        return t;
}

static void some_affinities(World *w, PodRules *p) {
        p->n_near = one_in(w, 4) ? 1 + any(w, 2) : 0;
        for (unsigned i = 0; i < p->n_near; i++)
                p->near[i] = some_term(w, 0);
        p->n_away = one_in(w, 4) ? 1 + any(w, 2) : 0;
        for (unsigned i = 0; i < p->n_away; i++)
                p->away[i] = some_term(w, 0);
        p->n_preferred_pods = one_in(w, 3) ? 1 + any(w, 2) : 0;
        for (unsigned i = 0; i < p->n_preferred_pods; i++)
                p->preferred_pods[i] = some_term(w, (1 + (int) any(w, 100)) * (one_in(w, 2) ? 1 : -1));
        p->n_spread = one_in(w, 3) ? 1 + any(w, 2) : 0;
        for (unsigned i = 0; i < p->n_spread; i++) {
                SpreadRule *s = &p->spread[i];

                *s = (SpreadRule) { .selector = some_pod_rules(w), .topology = some_topology(w), .skew = 1 + (int) any(w, 3), .hard = !one_in(w, 3),
                                    .ignore_affinity = one_in(w, 4), .honor_taints = one_in(w, 4), .same_tier = one_in(w, 5) };
                s->min_domains = s->hard && one_in(w, 3) ? 1 + (int) any(w, 5) : 1;
        }
}

static PodRules some_pod(World *w) {
        static const char *const addresses[] = { "", "0.0.0.0", "10.0.0.1", "10.0.0.2" }, *const images[] = { "img", "img:latest", "other" };
        PodRules p = { .namespace = of(w, naive_namespaces, 3), .app = of(w, apps, 3), .tier = one_in(w, 3) ? NULL : of(w, tiers, 2),
                       .priority = (int) any(w, 3) - 1, .cpu = one_in(w, 5) ? 0 : 100 * (1 + any(w, 8)), .memory = one_in(w, 3) ? 0 : 64 * (1 + any(w, 16)),
                       .gpus = one_in(w, 8), .ephemeral = one_in(w, 8), .image = of(w, images, 3), .ip = "", .protocol = "TCP" };

        if (one_in(w, 6))
                p.disk = of(w, disks, 2);
        p.n_terms = one_in(w, 4) ? 1 + any(w, 2) : 0;
        for (unsigned i = 0; i < p.n_terms; i++)
                p.terms[i] = some_node_rules(w);
        if (one_in(w, 4)) {
                p.n_preferred = 1 + any(w, 2);
                for (unsigned i = 0; i < p.n_preferred; i++) {
                        p.preferred[i].rules = some_node_rules(w);
                        p.preferred[i].weight = 1 + (int) any(w, 100);
                }
        }
        p.n_tolerations = any(w, 3);
        for (unsigned i = 0; i < p.n_tolerations; i++)
                p.tolerations[i] = some_toleration(w);
        if (one_in(w, 6)) {
                p.port = 80 + (int) any(w, 2);
                p.ip = of(w, addresses, 4);
                p.protocol = one_in(w, 4) ? "UDP" : "TCP";
        }
        some_affinities(w, &p);
        if (one_in(w, 2))
                p.selected = some_pod_rules(w);
        return p;
}

/* --- ... as documents --- */

static void put_rules(StrBuf *b, const Rules *r, bool fields) {
        static const char *const operators[] = { "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt" };
        bool comma = false;

        strbuf_puts(b, "[");
        for (unsigned i = 0; i < r->n; i++) {
                const Rule *x = &r->items[i];

                if (fields != !x->key)
                        continue;
                strbuf_printf(b, "%s{\"key\":\"%s\",\"operator\":\"%s\"", comma ? "," : "", x->key ? x->key : "metadata.name", operators[x->operator]);
                if (x->n > 0)
                        strbuf_printf(b, ",\"values\":[\"%s\"%s%s%s]", x->values[0], x->n > 1 ? ",\"" : "", x->n > 1 ? x->values[1] : "", x->n > 1 ? "\"" : "");
                strbuf_puts(b, "}");
                comma = true;
        }
        strbuf_puts(b, "]");
}

static void put_node_rules(StrBuf *b, const Rules *r) {
        strbuf_puts(b, "{\"matchExpressions\":");
        put_rules(b, r, false);
        strbuf_puts(b, ",\"matchFields\":");
        put_rules(b, r, true);
        strbuf_puts(b, "}");
}

static void put_selector(StrBuf *b, const Rules *r, bool same_tier) {
        strbuf_puts(b, "\"labelSelector\":{\"matchExpressions\":");
        put_rules(b, r, false);
        strbuf_printf(b, "}%s", same_tier ? ",\"matchLabelKeys\":[\"tier\"]" : "");
}

/* What matchLabelKeys and mismatchLabelKeys mean is in the selector of a pod that was created. */
static void put_term(StrBuf *b, const PodRules *p, const PodsRule *t) {
        Rules selector = t->selector;

        if (p->tier && (t->same_tier || t->other_tier))
                selector.items[selector.n++] = (Rule) { .key = "tier", .operator = t->same_tier ? IN : NOT_IN, .values = { p->tier }, .n = 1 };
        strbuf_printf(b, "{\"topologyKey\":\"%s\"", t->topology);
        if (t->there) {
                strbuf_puts(b, ",");
                put_selector(b, &selector, false);
        }
        if (t->namespace)
                strbuf_printf(b, ",\"namespaces\":[\"%s\"]", t->namespace);
        if (t->by_namespace_label)
                strbuf_puts(b, ",\"namespaceSelector\":{\"matchLabels\":{\"env\":\"prod\"}}");
        else if (t->any_namespace)
                strbuf_puts(b, ",\"namespaceSelector\":{}");
        strbuf_puts(b, "}");
}

static void put_preferred_terms(StrBuf *b, const PodRules *p, int sign) {
        bool comma = false;

        strbuf_puts(b, ",\"preferredDuringSchedulingIgnoredDuringExecution\":[");
        for (unsigned i = 0; i < p->n_preferred_pods; i++) {
                if (p->preferred_pods[i].weight * sign < 0)
                        continue;
                strbuf_printf(b, "%s{\"weight\":%d,\"podAffinityTerm\":", comma ? "," : "", abs(p->preferred_pods[i].weight));
                put_term(b, p, &p->preferred_pods[i]);
                strbuf_puts(b, "}");
                comma = true;
        }
        strbuf_puts(b, "]");
}

static void put_terms(StrBuf *b, const char *name, const PodRules *p, const PodsRule *terms, unsigned n, int sign) {
        strbuf_printf(b, ",\"%s\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[", name);
        for (unsigned i = 0; i < n; i++) {
                strbuf_puts(b, i > 0 ? "," : "");
                put_term(b, p, &terms[i]);
        }
        strbuf_puts(b, "]");
        put_preferred_terms(b, p, sign);
        strbuf_puts(b, "}");
}

static void put_affinity(StrBuf *b, const PodRules *p) {
        strbuf_puts(b, ",\"affinity\":{\"nodeAffinity\":{");
        if (p->n_terms > 0) {
                strbuf_puts(b, "\"requiredDuringSchedulingIgnoredDuringExecution\":{\"nodeSelectorTerms\":[");
                for (unsigned i = 0; i < p->n_terms; i++) {
                        strbuf_puts(b, i > 0 ? "," : "");
                        put_node_rules(b, &p->terms[i]);
                }
                strbuf_puts(b, "]},");
        }
        strbuf_puts(b, "\"preferredDuringSchedulingIgnoredDuringExecution\":[");
        for (unsigned i = 0; i < p->n_preferred; i++) {
                strbuf_printf(b, "%s{\"weight\":%d,\"preference\":", i > 0 ? "," : "", p->preferred[i].weight);
                put_node_rules(b, &p->preferred[i].rules);
                strbuf_puts(b, "}");
        }
        strbuf_puts(b, "]}");
        put_terms(b, "podAffinity", p, p->near, p->n_near, 1);
        put_terms(b, "podAntiAffinity", p, p->away, p->n_away, -1);
        strbuf_puts(b, "}");
}

static void put_spread(StrBuf *b, const PodRules *p) {
        strbuf_puts(b, ",\"topologySpreadConstraints\":[");
        for (unsigned i = 0; i < p->n_spread; i++) {
                const SpreadRule *s = &p->spread[i];

                strbuf_printf(b, "%s{\"topologyKey\":\"%s\",\"maxSkew\":%d,\"whenUnsatisfiable\":\"%s\",", i > 0 ? "," : "", s->topology, s->skew,
                              s->hard ? "DoNotSchedule" : "ScheduleAnyway");
                if (s->min_domains > 1)
                        strbuf_printf(b, "\"minDomains\":%d,", s->min_domains);
                strbuf_printf(b, "\"nodeAffinityPolicy\":\"%s\",\"nodeTaintsPolicy\":\"%s\",", s->ignore_affinity ? "Ignore" : "Honor",
                              s->honor_taints ? "Honor" : "Ignore");
                put_selector(b, &s->selector, s->same_tier);
                strbuf_puts(b, "}");
        }
        strbuf_puts(b, "]");
}

static void put_tolerations(StrBuf *b, const PodRules *p) {
        strbuf_puts(b, ",\"tolerations\":[");
        for (unsigned i = 0; i < p->n_tolerations; i++) {
                const TolerationRule *t = &p->tolerations[i];

                strbuf_printf(b, "%s{\"operator\":\"%s\"", i > 0 ? "," : "", t->exists ? "Exists" : "Equal");
                if (t->key)
                        strbuf_printf(b, ",\"key\":\"%s\"", t->key);
                if (!t->exists)
                        strbuf_printf(b, ",\"value\":\"%s\"", t->value);
                if (t->effect)
                        strbuf_printf(b, ",\"effect\":\"%s\"", t->effect);
                strbuf_puts(b, "}");
        }
        strbuf_puts(b, "]");
}

static void put_container(StrBuf *b, const PodRules *p) {
        const char *comma = "";

        strbuf_printf(b, "\"containers\":[{\"name\":\"c\",\"image\":\"%s\",\"resources\":{\"requests\":{", p->image);
        if (p->cpu > 0)
                strbuf_printf(b, "\"cpu\":\"%dm\"", (int) p->cpu), comma = ",";
        if (p->memory > 0)
                strbuf_printf(b, "%s\"memory\":\"%dMi\"", comma, (int) p->memory), comma = ",";
        if (p->gpus > 0)
                strbuf_printf(b, "%s\"" GPU "\":\"%d\"", comma, (int) p->gpus), comma = ",";
        if (p->ephemeral > 0)
                strbuf_printf(b, "%s\"ephemeral-storage\":\"%dGi\"", comma, (int) p->ephemeral);
        strbuf_puts(b, "}}");
        if (p->port > 0)
                strbuf_printf(b, ",\"ports\":[{\"containerPort\":80,\"hostPort\":%d,\"hostIP\":\"%s\",\"protocol\":\"%s\"}]", p->port, p->ip, p->protocol);
        strbuf_puts(b, "}]");
}

static Json *parsed(JsonArena *a, StrBuf *b) {
        Json *root;

        assert_int_equal(strbuf_error(b), 0);
        assert_true(json_tree_parse(a, json_arena_copy(a, b->data, b->size), b->size, &root, NULL) >= 0);
        return root;
}

/* What is asked of the scheduler about a class must not depend on another that is the same. */
static bool is_there_twice(const World *w, unsigned i) {
        for (unsigned k = 0; k < NAIVE_CLASSES; k++)
                if (k != i && w->classes[k] == w->classes[i])
                        return true;
        return false;
}

/* Pods as others are, but for their labels: they may share an order, and must not notice. */
static PodRules some_sibling(World *w, unsigned i) {
        PodRules p = w->naive.classes[(i + 1 + any(w, NAIVE_CLASSES - 1)) % NAIVE_CLASSES];

        if (!p.app || one_in(w, 2))
                return some_pod(w);
        if (one_in(w, 2)) {
                p.app = of(w, apps, 3);
                p.tier = one_in(w, 3) ? NULL : of(w, tiers, 2);
        }
        p.index = of(w, ranks, 4);
        if (one_in(w, 3))
                p.selected = one_in(w, 2) ? some_pod_rules(w) : (Rules) {};
        return p;
}

static void make_class_once(World *w, unsigned i) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);
        PodRules *p = &w->naive.classes[i];

        *p = some_sibling(w, i);
        strbuf_printf(&b, "{\"metadata\":{\"labels\":{\"app\":\"%s\"", p->app);
        if (p->tier)
                strbuf_printf(&b, ",\"tier\":\"%s\"", p->tier);
        if (p->index)
                strbuf_printf(&b, ",\"index\":\"%s\"", p->index);
        strbuf_printf(&b, "}},\"spec\":{\"priority\":%d,", p->priority);
        put_container(&b, p);
        if (p->disk)
                strbuf_printf(&b, ",\"nodeSelector\":{\"disk\":\"%s\"}", p->disk);
        put_affinity(&b, p);
        put_spread(&b, p);
        put_tolerations(&b, p);
        strbuf_puts(&b, "}}");
        assert_int_equal(pod_class_of(&w->s.classes, p->namespace, parsed(&a, &b), &w->classes[i], NULL), 0);
}

static void make_class(World *w, unsigned i) {
        make_class_once(w, i);
        while (is_there_twice(w, i)) {
                w->classes[i] = pod_class_unref(w->classes[i]);
                make_class_once(w, i);
        }
}

/* --- Random nodes --- */

static void put_node(StrBuf *b, const NaiveNode *n) {
        const char *comma = "";

        strbuf_puts(b, "{\"metadata\":{\"labels\":{");
        for (unsigned i = 0; i < NAIVE_KEYS; i++)
                if (n->labels[i])
                        strbuf_printf(b, "%s\"%s\":\"%s\"", comma, naive_keys[i], n->labels[i]), comma = ",";
        strbuf_printf(b, "}},\"spec\":{\"unschedulable\":%s,\"taints\":[", n->cordoned ? "true" : "false");
        for (unsigned i = 0; i < n->n_taints; i++)
                strbuf_printf(b, "%s{\"key\":\"%s\",\"value\":\"%s\",\"effect\":\"%s\"}", i > 0 ? "," : "", n->taints[i].key, n->taints[i].value,
                              n->taints[i].effect);
        strbuf_printf(b, "]},\"status\":{\"capacity\":{\"cpu\":\"%dm\",\"memory\":\"%dMi\",\"ephemeral-storage\":\"%dGi\",\"pods\":\"%d\",\"" GPU "\":\"%d\"}",
                      (int) n->cpu, (int) n->memory, (int) n->ephemeral, (int) n->pods_max, (int) n->gpus);
        if (n->image_size > 0)
                strbuf_printf(b, ",\"images\":[{\"names\":[\"img:latest\"],\"sizeBytes\":%lld}]", (long long) n->image_size);
        strbuf_puts(b, "}}");
}

static void some_node(World *w, NaiveNode *n) {
        n->labels[0] = one_in(w, 6) ? NULL : of(w, zones, 3);
        n->labels[1] = one_in(w, 3) ? NULL : of(w, disks, 2);
        n->labels[2] = one_in(w, 3) ? NULL : of(w, ranks, 4);
        n->labels[3] = one_in(w, 40) ? "odd" : NULL;
        n->n_taints = one_in(w, 3) ? 1 + any(w, 2) : 0;
        for (unsigned i = 0; i < n->n_taints; i++)
                n->taints[i] = (NaiveTaint) { i > 0 ? "l" : "k", one_in(w, 2) ? "v" : "", of(w, effects, 3) };
        n->cordoned = one_in(w, 10);
        n->dead = one_in(w, 15);
        n->cpu = 1000 * (1 + any(w, 4));
        n->memory = one_in(w, 16) ? 0 : 1024 * (1 + any(w, 4));
        n->gpus = any(w, 3);
        n->ephemeral = any(w, 4);
        n->pods_max = 1 + any(w, 12);
        n->image_size = one_in(w, 3) ? (1 + any(w, 1200)) * MI : 0;
}

/* As the cluster does it: images are counted, then the node is told. */
static void show_node(World *w, unsigned i) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);
        NaiveNode *n = &w->naive.nodes[i];
        SchedNode *node = &w->nodes[i];
        NodeClass *class;
        Node *object;
        Json *root;

        put_node(&b, n);
        root = parsed(&a, &b);
        assert_int_equal(node_new(n->name, &object), 0);
        assert_int_equal(node_read_document(object, root, NULL), 0);
        assert_int_equal(doc_new(root, &object->object.doc), 0);
        assert_int_equal(node_class_new(object->object.doc, &class), 0);
        assert_int_equal(scheduler_count_images(&w->s, node->class, class), 0);
        object->health = n->dead ? NODE_UNHEALTHY : NODE_HEALTHY;
        sched_node_update(node, object, class, !n->dead, 1000);
        node_class_unref(class);
        node_unref(w->objects[i]);
        w->objects[i] = object;
}

static void add_node(World *w, unsigned i) {
        NaiveNode *n = &w->naive.nodes[i];

        *n = (NaiveNode) { .there = true, .order = ++w->n_orders };
        (void) snprintf(n->name, sizeof(n->name), "n%u", i);
        some_node(w, n);
        w->nodes[i] = (SchedNode) { .slot = SIZE_MAX, .order = n->order };
        show_node(w, i);
        assert_int_equal(scheduler_add_node(&w->s, &w->nodes[i]), 0);
}

static void remove_node(World *w, unsigned i) {
        NaiveNode *n = &w->naive.nodes[i];

        for (unsigned k = 0; k < NAIVE_CLASSES; k++)
                for (; n->pods[k] > 0; n->pods[k]--)
                        sched_node_detach(&w->nodes[i], w->classes[k], 0, n->pods[k] <= n->ending[k]);
        scheduler_remove_node(&w->s, &w->nodes[i]);
        assert_int_equal(scheduler_count_images(&w->s, w->nodes[i].class, NULL), 0);
        sched_node_done(&w->nodes[i]);
        w->objects[i] = node_unref(w->objects[i]);
        *n = (NaiveNode) {};
}

/* So that those that are left change their slots. */
static void remove_most(World *w) {
        for (unsigned i = 0; i < w->n_nodes; i++)
                if (w->naive.nodes[i].there && !one_in(w, 4))
                        remove_node(w, i);
        assert_true(w->s.n_slots <= 2 * w->s.n_nodes);
}

/* --- Random changes --- */

static void attach(World *w, unsigned i, unsigned class) {
        assert_int_equal(sched_node_reserve(&w->nodes[i]), 0);
        sched_node_attach(&w->nodes[i], w->classes[class], 0, false);
        scheduler_note(&w->s, &w->nodes[i], SCHED_EVENT_POD_CAME);
        w->naive.nodes[i].pods[class]++;
}

static void detach(World *w, unsigned i, unsigned class) {
        NaiveNode *n = &w->naive.nodes[i];
        bool ending = n->ending[class] == n->pods[class];

        sched_node_detach(&w->nodes[i], w->classes[class], 0, ending);
        scheduler_note(&w->s, &w->nodes[i], SCHED_EVENT_POD_GONE);
        n->pods[class]--;
        n->ending[class] -= ending;
}

static void set_ending(World *w, unsigned i, unsigned class) {
        NaiveNode *n = &w->naive.nodes[i];
        bool ending = n->ending[class] < n->pods[class] && !one_in(w, 4);

        if (!ending && n->ending[class] == 0)
                return;
        sched_node_set_ending(&w->nodes[i], w->classes[class], ending);
        scheduler_note(&w->s, &w->nodes[i], SCHED_EVENT_POD_GONE);
        n->ending[class] += ending ? 1 : UINT32_MAX;
}

static void nominate(World *w, unsigned i, unsigned class) {
        if (w->naive.nodes[i].nominated[class] > 0) {
                sched_node_unnominate(&w->nodes[i], w->classes[class]);
                w->naive.nodes[i].nominated[class]--;
        } else {
                assert_int_equal(sched_node_nominate(&w->nodes[i], w->classes[class]), 0);
                w->naive.nodes[i].nominated[class]++;
        }
        scheduler_note(&w->s, &w->nodes[i], SCHED_EVENT_POD_GONE);
}

/* The pods of that class go, everywhere, and it is another one from now on. */
static void replace_class(World *w, unsigned class) {
        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                while (w->naive.nodes[i].pods[class] > 0)
                        detach(w, i, class);
                while (w->naive.nodes[i].nominated[class] > 0)
                        nominate(w, i, class);
        }
        w->classes[class] = pod_class_unref(w->classes[class]);
        make_class(w, class);
}

static void change(World *w) {
        unsigned i = any(w, w->n_nodes), class = any(w, NAIVE_CLASSES);
        NaiveNode *n = &w->naive.nodes[i];

        if (!n->there) {
                if (one_in(w, 4))
                        add_node(w, i);
                return;
        }
        switch (any(w, 40)) {
        case 0:
                if (one_in(w, 5))
                        remove_node(w, i);
                if (one_in(w, 100))
                        remove_most(w);
                return;
        case 1:
                some_node(w, n);
                show_node(w, i);
                return scheduler_note(&w->s, &w->nodes[i], SCHED_EVENT_NODE);
        case 2:
                if (one_in(w, 40))
                        replace_class(w, class);
                return;
        case 3:
                if (one_in(w, 20)) {
                        w->naive.prod[any(w, 3)] ^= true;
                        w->s.namespaces_version++;
                }
                return;
        case 4:
                if (one_in(w, 10)) {
                        w->naive.classes[class].selected = one_in(w, 2) ? some_pod_rules(w) : (Rules) {};
                        w->s.selectors_version++;
                }
                return;
        case 5:
                return nominate(w, i, class / 2); /* classes with such pods share no order: others must be left */
        case 6 ... 8:
                return set_ending(w, i, class);
        case 9 ... 24:
                return attach(w, i, class);
        default:
                if (n->pods[class] > 0)
                        detach(w, i, class);
        }
}

/* --- Questions --- */

static Reason reason_of(const Verdict *v) {
        static const Reason reasons[_FILTER_MAX] = {
                [FILTER_NOT_NAMED] = NOT_NAMED, [FILTER_UNSCHEDULABLE] = UNSCHEDULABLE, [FILTER_TAINT] = TAINTED, [FILTER_NOT_READY] = TAINTED,
                [FILTER_NODE_AFFINITY] = NO_AFFINITY, [FILTER_PORTS] = NO_PORT,
                [FILTER_RESOURCES] = NO_RESOURCES, [FILTER_SPREAD] = NO_SPREAD, [FILTER_SPREAD_LABEL] = NO_SPREAD_LABEL, [FILTER_POD_AFFINITY] = NO_NEAR,
                [FILTER_POD_ANTI_AFFINITY] = TOO_NEAR, [FILTER_OTHERS_ANTI_AFFINITY] = OTHERS_AWAY,
        };

        return reasons[v->kind];
}

static unsigned lacks_of(const Verdict *v) {
        static const uint32_t bits[] = { LACKS_PODS, LACKS_CPU, LACKS_MEMORY, LACKS_EPHEMERAL, 1u << 4 };
        unsigned lacks = 0;

        for (unsigned i = 0; i < ELEMENTSOF(bits); i++)
                lacks |= v->detail & bits[i] ? 1u << i : 0;
        return lacks;
}

static size_t check_verdicts(World *w, const ClassOrder *o, unsigned class, bool fit[]) {
        size_t n = 0;

        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                const char *taint;
                unsigned lacks;
                Reason reason;
                Verdict v;

                fit[i] = false;
                if (!w->naive.nodes[i].there)
                        continue;
                reason = naive_verdict(&w->naive, class, &w->naive.nodes[i], &lacks, &taint);
                v = class_order_verdict(o, w->nodes[i].slot);
                assert_int_equal(reason_of(&v), reason);
                assert_int_equal(lacks_of(&v), lacks);
                if (reason == TAINTED)
                        assert_string_equal(v.taint->key, taint);
                fit[i] = reason == FITS;
                n += fit[i];
        }
        return n;
}

/* The one with the most points, the first registered of equals. */
static unsigned most(const World *w, const bool fit[], const int64_t points[]) {
        unsigned best = NAIVE_NODES;

        for (unsigned i = 0; i < NAIVE_NODES; i++)
                if (fit[i] && (best == NAIVE_NODES || points[i] > points[best] ||
                               (points[i] == points[best] && w->naive.nodes[i].order < w->naive.nodes[best].order)))
                        best = i;
        return best;
}

/* (free / whole) * (asked / whole) of each resource, in whole millionths. */
static int64_t alignment(int64_t asked, int64_t free, int64_t whole) {
        return whole <= 0 || free <= 0 ? 0 : (int64_t) ((double) free / (double) whole * ((double) asked / (double) whole) * 1000000);
}

static int64_t naive_dot(const World *w, const PodRules *p, const NaiveNode *n) {
        int64_t cpu = n->cpu, memory = n->memory, ephemeral = n->ephemeral, gpus = n->gpus;

        for (unsigned i = 0; i < NAIVE_CLASSES; i++) {
                const PodRules *o = &w->naive.classes[i];

                cpu -= n->pods[i] * o->cpu;
                memory -= n->pods[i] * o->memory;
                ephemeral -= n->pods[i] * o->ephemeral;
                gpus -= n->pods[i] * o->gpus;
        }
        return alignment(p->cpu, cpu, n->cpu) + alignment(p->memory * MI, memory * MI, n->memory * MI) + alignment(p->ephemeral * GI, ephemeral * GI, n->ephemeral * GI) +
               alignment(p->gpus, gpus, n->gpus);
}

static void points_of(World *w, const char *algorithm, unsigned class, const bool fit[], int64_t ret[]) {
        const PodRules *p = &w->naive.classes[class];

        if (streq(algorithm, "kube") || streq(algorithm, "most-allocated") || streq(algorithm, "requested-to-capacity-ratio"))
                return naive_totals(&w->naive, class, fit, *algorithm == 'k' ? 0 : *algorithm == 'm' ? 1 : 2, ret);
        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                const NaiveNode *n = &w->naive.nodes[i];
                int64_t free = n->cpu - naive_used_cpu(&w->naive, n);

                ret[i] = 0;
                if (!fit[i])
                        continue;
                if (streq(algorithm, "best-fit"))
                        ret[i] = -free;
                else if (streq(algorithm, "worst-fit"))
                        ret[i] = free;
                else if (streq(algorithm, "balanced"))
                        ret[i] = naive_balanced(p, &w->naive, n);
                else if (streq(algorithm, "dot-product"))
                        ret[i] = naive_dot(w, p, n);
                else if (streq(algorithm, "round-robin")) /* those behind the last one come before all others, each in their order */
                        ret[i] = n->order > w->naive.last_order ? INT64_C(1000000000) - (int64_t) n->order : -(int64_t) n->order;
        }
}

static void check_choice(World *w, const SchedAlgorithm *algorithm, unsigned class, const bool fit[], size_t n_fit) {
        SchedNode *chosen = NULL;
        int64_t points[NAIVE_NODES];
        unsigned i;

        assert_int_equal(scheduler_choose(&w->s, w->classes[class], algorithm, &chosen), n_fit > 0);
        if (n_fit == 0)
                return;
        i = (unsigned) (chosen - w->nodes);
        assert_true(fit[i]);
        if (algorithm->pick == PICK_RANDOM || algorithm->pick == PICK_TWO || algorithm->looks_at_workload)
                return;
        points_of(w, algorithm->name, class, fit, points);
        assert_int_equal(i, most(w, fit, points));
        if (algorithm->pick == PICK_NEXT)
                w->naive.last_order = chosen->order;
}

/* Not the best alone: what each node that fits is worth. */
static void check_totals(World *w, const ClassOrder *o, unsigned class, const bool fit[]) {
        int64_t points[NAIVE_NODES];

        if (!o->algorithm->profile)
                return;
        points_of(w, o->algorithm->name, class, fit, points);
        for (unsigned i = 0; i < NAIVE_NODES; i++)
                if (fit[i])
                        assert_int_equal(class_order_total(o, w->nodes[i].slot), points[i]);
}

/* What preemption asks: would it fit there if some pods were gone? */
static void check_would_fit(World *w, ClassOrder *o, unsigned class) {
        unsigned i = any(w, w->n_nodes), lacks;
        NaiveNode *n = &w->naive.nodes[i], before = *n;
        SchedNode without;
        const char *taint;
        bool fits;

        if (!n->there)
                return;
        assert_int_equal(sched_node_copy(&w->nodes[i], &without), 0);
        for (unsigned k = 0; k < NAIVE_CLASSES; k++)
                for (unsigned gone = any(w, n->pods[k] + 1); gone > 0; gone--) {
                        bool ending = n->ending[k] == n->pods[k];

                        sched_node_detach(&without, w->classes[k], 0, ending);
                        n->pods[k]--;
                        n->ending[k] -= ending;
                }
        fits = naive_verdict(&w->naive, class, n, &lacks, &taint) == FITS;
        assert_int_equal(class_order_verdict_with(o, w->nodes[i].slot, &without).kind == FILTER_FITS, fits);
        sched_node_done(&without);
        *n = before;
}

static void ask_about(World *w, unsigned class, const SchedAlgorithm *algorithm) {
        bool fit[NAIVE_NODES];
        size_t n_fit;
        ClassOrder *o;

        assert_int_equal(scheduler_order(&w->s, w->classes[class], algorithm, &o), 0);
        w->n_asked++;
        w->n_shared += o->class != w->classes[class];
        n_fit = class_order_judge(o);
        assert_int_equal(check_verdicts(w, o, class, fit), n_fit);
        check_totals(w, o, class, fit);
        if (one_in(w, 4)) {
                check_would_fit(w, o, class);
                (void) class_order_judge(o);
                assert_int_equal(check_verdicts(w, o, class, fit), n_fit); /* asking has changed nothing */
        }
        check_choice(w, algorithm, class, fit, n_fit);
        if (n_fit > 0 && one_in(w, 3)) { /* it is placed */
                SchedNode *chosen;

                assert_int_equal(scheduler_choose(&w->s, w->classes[class], &sched_kube, &chosen), 1);
                attach(w, (unsigned) (chosen - w->nodes), class);
                scheduler_placed(&w->s, w->classes[class]);
        }
}

/* And about classes that may share its order. */
static void ask(World *w) {
        const SchedAlgorithm *algorithm = sched_algorithm_get(any(w, (unsigned) sched_algorithm_count()));
        unsigned class = any(w, NAIVE_CLASSES);

        if (one_in(w, 300))
                scheduler_forget_orders(&w->s);
        ask_about(w, class, algorithm);
        for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                if (i != class && w->classes[i]->shape == w->classes[class]->shape && one_in(w, 4))
                        ask_about(w, i, algorithm);
}

static const char *env_of(const char *namespace, const char *key, void *userdata) {
        const World *w = userdata;

        for (unsigned i = 0; i < 3; i++)
                if (streq(naive_namespaces[i], namespace))
                        return streq(key, "env") && w->naive.prod[i] ? "prod" : NULL;
        return NULL;
}

static int selected_of(const PodClass *c, StrBuf *b, void *userdata) {
        const World *w = userdata;
        unsigned i = 0;

        while (i < NAIVE_CLASSES && w->classes[i] != c)
                i++;
        if (i == NAIVE_CLASSES || w->naive.classes[i].selected.n == 0)
                return 0;
        strbuf_puts(b, "{\"matchExpressions\":");
        put_rules(b, &w->naive.classes[i].selected, false);
        strbuf_puts(b, "}");
        return 0;
}

static void run_world(uint64_t seed, uint64_t *n_asked, uint64_t *n_shared) {
        static const uint64_t secret[2] = { 5, 6 };
        static World w;

        w = (World) {};
        prng_init(&w.prng, seed);
        scheduler_init(&w.s, seed, secret);
        w.s.namespaces = (NamespaceLabels) { env_of, &w };
        w.s.selectors = (PodSelectors) { selected_of, &w };
        w.n_nodes = 5 + any(&w, NAIVE_NODES - 4);
        for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                make_class(&w, i);
        for (unsigned i = 0; i < w.n_nodes; i++)
                add_node(&w, i);
        for (unsigned i = 0; i < OPERATIONS; i++) {
                change(&w);
                if (one_in(&w, QUESTION_EVERY))
                        ask(&w);
        }
        *n_asked += w.n_asked;
        *n_shared += w.n_shared;
        for (unsigned i = 0; i < w.n_nodes; i++)
                if (w.naive.nodes[i].there)
                        remove_node(&w, i);
        scheduler_forget_orders(&w.s);
        for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                pod_class_unref(w.classes[i]);
        scheduler_done(&w.s);
}

static void test_against_naive_scan(void **state _unused_) {
        uint64_t n_asked = 0, n_shared = 0;

        for (uint64_t seed = 1; seed <= WORLDS; seed++)
                run_world(seed, &n_asked, &n_shared);
        assert_true(n_shared > n_asked / 50);
}

/* --- What an order costs --- */

/* A class of pods of that app, which want to be in the rack of pods of the app `near`, or NULL. */
static PodClass *class_near(Scheduler *s, const char *app, const char *near) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        PodClass *c;

        strbuf_printf(&b, "{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":[{\"name\":\"c\"}]", app);
        if (near)
                strbuf_printf(&b, ",\"affinity\":{\"podAffinity\":{\"preferredDuringSchedulingIgnoredDuringExecution\":[{\"weight\":1,\"podAffinityTerm\":"
                              "{\"topologyKey\":\"rack\",\"labelSelector\":{\"matchLabels\":{\"app\":\"%s\"}}}}]}}", near);
        strbuf_puts(&b, "}}");
        assert_int_equal(pod_class_of(&s->classes, "default", parsed(&a, &b), &c, NULL), 0);
        return c;
}

static size_t counters_of(Scheduler *s, PodClass *c) {
        ClassOrder *o;

        assert_int_equal(scheduler_order(s, c, &sched_kube, &o), 0);
        return o->n_counters;
}

/* Nodes are counted by the topologies that others' terms name only for the classes that those are about. */
static void test_terms_about_others(void **state _unused_) {
        static const uint64_t secret[2] = { 5, 6 };
        PodClass *web, *db, *cache;
        Scheduler s;

        scheduler_init(&s, 1, secret);
        web = class_near(&s, "web", NULL);
        db = class_near(&s, "db", "db");
        assert_int_equal(counters_of(&s, web), 0);
        assert_int_equal(counters_of(&s, db), 1);
        cache = class_near(&s, "cache", "web");
        assert_int_equal(counters_of(&s, web), 1);
        scheduler_forget_orders(&s);
        pod_class_unref(web);
        pod_class_unref(db);
        pod_class_unref(cache);
        scheduler_done(&s);
}

/* --- Who shares one --- */

/* The class that userdata points to is selected, and no other. */
static int select_one(const PodClass *c, StrBuf *b, void *userdata) {
        PodClass **selected = userdata;

        if (c == *selected)
                strbuf_puts(b, "{\"matchLabels\":{\"app\":\"1\"}}");
        return 0;
}

static bool share_order(Scheduler *s, PodClass *a, PodClass *b) {
        ClassOrder *x, *y;

        assert_int_equal(scheduler_order(s, a, &sched_kube, &x), 0);
        assert_int_equal(scheduler_order(s, b, &sched_kube, &y), 0);
        return x == y;
}

/* Classes that differ in a label share one order until something tells them apart, and no longer. */
static void test_shared_orders(void **state _unused_) {
        static const uint64_t secret[2] = { 5, 6 };
        PodClass *a, *b, *c, *selected = NULL;
        Scheduler s;

        scheduler_init(&s, 1, secret);
        s.selectors = (PodSelectors) { select_one, &selected };
        a = class_near(&s, "0", NULL);
        b = class_near(&s, "1", NULL);
        assert_true(share_order(&s, a, b));
        selected = b;
        s.selectors_version++;
        assert_false(share_order(&s, a, b));
        scheduler_forget_orders(&s);
        selected = NULL;
        s.selectors_version++;
        assert_true(share_order(&s, a, b));
        c = class_near(&s, "2", "1");
        assert_false(share_order(&s, a, b));
        scheduler_forget_orders(&s);
        pod_class_unref(c);
        assert_true(share_order(&s, a, b));
        scheduler_forget_orders(&s);
        pod_class_unref(a);
        pod_class_unref(b);
        scheduler_done(&s);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_against_naive_scan), cmocka_unit_test(test_terms_about_others), cmocka_unit_test(test_shared_orders),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
