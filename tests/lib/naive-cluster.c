/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/naive-cluster.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MI ((int64_t) 1 << 20)
#define LEAST_IMAGE (23 * MI)
#define MOST_IMAGE (1000 * MI)

const char *const naive_keys[NAIVE_KEYS] = { "topology.kubernetes.io/zone", "disk", "rank", "kubernetes.io/hostname" };
const char *const naive_namespaces[3] = { "default", "team", "other" };

static bool same(const char *a, const char *b) {
        return a == b || (a && b && strcmp(a, b) == 0);
}

static const char *label(const NaiveNode *n, const char *key) {
        for (int i = 0; i < NAIVE_KEYS; i++)
                if (same(naive_keys[i], key))
                        return n->labels[i] ? n->labels[i] : i == NAIVE_KEYS - 1 ? n->name : NULL;
        return NULL;
}

/* --- Labels --- */

static bool listed(const Rule *r, const char *value) {
        return (r->n > 0 && same(r->values[0], value)) || (r->n > 1 && same(r->values[1], value));
}

static bool whole_number(const char *s, long *ret) {
        char *end;

        if (!s || !*s)
                return false;
        *ret = strtol(s, &end, 10);
        return *end == '\0';
}

static bool rule_holds(const Rule *r, const char *value) {
        long has, wanted;

        switch (r->operator) {
        case IN: return value && listed(r, value);
        case NOT_IN: return !value || !listed(r, value);
        case EXISTS: return value;
        case ABSENT: return !value;
        default: break;
        }
        if (!whole_number(value, &has) || !whole_number(r->values[0], &wanted))
                return false;
        return r->operator == GREATER ? has > wanted : has < wanted;
}

static bool node_meets(const NaiveNode *n, const Rules *rules) {
        for (unsigned i = 0; i < rules->n; i++)
                if (!rule_holds(&rules->items[i], rules->items[i].key ? label(n, rules->items[i].key) : n->name))
                        return false;
        return true;
}

static bool pod_meets(const PodRules *p, const Rules *rules) {
        for (unsigned i = 0; i < rules->n; i++)
                if (!rule_holds(&rules->items[i], same(rules->items[i].key, "app") ? p->app : p->tier))
                        return false;
        return true;
}

static bool is_prod(const NaiveCluster *c, const char *namespace) {
        for (int i = 0; i < 3; i++)
                if (same(naive_namespaces[i], namespace))
                        return c->prod[i];
        return false;
}

/* Is `other` one of the pods that a term of a pod like `p` is about? */
static bool is_meant(const NaiveCluster *c, const PodRules *p, const PodsRule *t, const PodRules *other) {
        bool selects = t->by_namespace_label || t->any_namespace;

        if (!t->there || !pod_meets(other, &t->selector))
                return false;
        if (t->same_tier && p->tier && !same(p->tier, other->tier))
                return false;
        if (t->other_tier && p->tier && same(p->tier, other->tier))
                return false;
        if (t->namespace && same(t->namespace, other->namespace))
                return true;
        if (selects && (t->any_namespace || is_prod(c, other->namespace)))
                return true;
        return !t->namespace && !selects && same(p->namespace, other->namespace);
}

static bool meets_all_near(const NaiveCluster *c, const PodRules *p, const PodRules *other) {
        for (unsigned i = 0; i < p->n_near; i++)
                if (!is_meant(c, p, &p->near[i], other))
                        return false;
        return true;
}

/* --- The node alone --- */

static bool tolerates(const PodRules *p, const NaiveTaint *t) {
        for (unsigned i = 0; i < p->n_tolerations; i++) {
                const TolerationRule *o = &p->tolerations[i];

                if ((!o->effect || same(o->effect, t->effect)) && (!o->key || same(o->key, t->key)) && (o->exists || same(o->value, t->value)))
                        return true;
        }
        return false;
}

static const NaiveTaint *hard_taint(const PodRules *p, const NaiveNode *n) {
        for (unsigned i = 0; i < n->n_taints; i++)
                if (!same(n->taints[i].effect, "PreferNoSchedule") && !tolerates(p, &n->taints[i]))
                        return &n->taints[i];
        return NULL;
}

static bool affinity_met(const PodRules *p, const NaiveNode *n) {
        if (p->disk && !same(label(n, "disk"), p->disk))
                return false;
        for (unsigned i = 0; i < p->n_terms; i++)
                if (p->terms[i].n > 0 && node_meets(n, &p->terms[i]))
                        return true;
        return p->n_terms == 0;
}

static bool any_address(const char *ip) {
        return !*ip || same(ip, "0.0.0.0");
}

/* With those that are to come, unless the pod matters more than they do. */
static int64_t pods_to_reckon_with(const PodRules *p, const PodRules *o, unsigned class, const NaiveNode *n) {
        return n->pods[class] + (o != p && o->priority >= p->priority ? n->nominated[class] : 0);
}

static bool port_taken(const NaiveCluster *c, const PodRules *p, const NaiveNode *n) {
        for (unsigned i = 0; i < NAIVE_CLASSES; i++) {
                const PodRules *o = &c->classes[i];

                if (pods_to_reckon_with(p, o, i, n) > 0 && p->port > 0 && p->port == o->port && same(p->protocol, o->protocol) &&
                    (any_address(p->ip) || any_address(o->ip) || same(p->ip, o->ip)))
                        return true;
        }
        return false;
}

static unsigned lacks(const NaiveCluster *c, const PodRules *p, const NaiveNode *n) {
        int64_t cpu = n->cpu, memory = n->memory, gpus = n->gpus, ephemeral = n->ephemeral, pods = n->pods_max;
        unsigned lack = 0;

        for (unsigned i = 0; i < NAIVE_CLASSES; i++) {
                const PodRules *o = &c->classes[i];
                int64_t k = pods_to_reckon_with(p, o, i, n);

                cpu -= k * o->cpu;
                memory -= k * o->memory;
                gpus -= k * o->gpus;
                ephemeral -= k * o->ephemeral;
                pods -= k;
        }
        lack |= pods < 1 ? NO_PODS : 0;
        lack |= p->cpu > 0 && cpu < p->cpu ? NO_CPU : 0;
        lack |= p->memory > 0 && memory < p->memory ? NO_MEMORY : 0;
        lack |= p->ephemeral > 0 && ephemeral < p->ephemeral ? NO_EPHEMERAL : 0;
        lack |= p->gpus > 0 && gpus < p->gpus ? NO_GPUS : 0;
        return lack;
}

/* --- Domains --- */

static bool has_all_topologies(const PodRules *p, const NaiveNode *n, bool hard) {
        for (unsigned i = 0; i < p->n_spread; i++)
                if (p->spread[i].hard == hard && !p->spread_by_default && !label(n, p->spread[i].topology))
                        return false;
        return true;
}

static bool node_counts(const PodRules *p, const SpreadRule *s, const NaiveNode *n) {
        return n->there && has_all_topologies(p, n, s->hard) && (s->ignore_affinity || affinity_met(p, n)) && (!s->honor_taints || !hard_taint(p, n));
}

/* A selector that says nothing counts nobody. */
static bool is_spread(const PodRules *p, const SpreadRule *s, const PodRules *other) {
        if (s->selector.n == 0 && !(s->same_tier && p->tier))
                return false;
        return same(p->namespace, other->namespace) && pod_meets(other, &s->selector) && !(s->same_tier && p->tier && !same(p->tier, other->tier));
}

static int64_t selected_on(const NaiveCluster *c, const PodRules *p, const SpreadRule *s, const NaiveNode *n) {
        int64_t k = 0;

        for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                if (n->pods[i] > 0 && is_spread(p, s, &c->classes[i]))
                        k += n->pods[i] - n->ending[i];
        return k;
}

/* Pods of the domain that the node is in. */
static int64_t selected_in(const NaiveCluster *c, const PodRules *p, const SpreadRule *s, const char *value) {
        int64_t k = 0;

        for (unsigned i = 0; i < NAIVE_NODES; i++)
                if (node_counts(p, s, &c->nodes[i]) && same(label(&c->nodes[i], s->topology), value))
                        k += selected_on(c, p, s, &c->nodes[i]);
        return k;
}

static Reason spread_met(const NaiveCluster *c, const PodRules *p, const SpreadRule *s, const NaiveNode *n) {
        int64_t least = INT64_MAX;
        int domains = 0;

        if (!label(n, s->topology))
                return NO_SPREAD_LABEL;
        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                const char *value = label(&c->nodes[i], s->topology);
                bool first = true;
                int64_t k;

                if (!node_counts(p, s, &c->nodes[i]))
                        continue;
                for (unsigned j = 0; j < i; j++)
                        first &= !node_counts(p, s, &c->nodes[j]) || !same(label(&c->nodes[j], s->topology), value);
                if (!first)
                        continue;
                k = selected_in(c, p, s, value);
                least = k < least ? k : least;
                domains++;
        }
        if (domains == 0 || domains < s->min_domains)
                least = 0;
        return selected_in(c, p, s, label(n, s->topology)) + is_spread(p, s, p) - least > s->skew ? NO_SPREAD : FITS;
}

/* Of the pods of class `other`, how many are in the node's domain of that topology? */
static int64_t beside(const NaiveCluster *c, const NaiveNode *n, const char *topology, unsigned other) {
        const char *value = label(n, topology);
        int64_t k = 0;

        for (unsigned i = 0; value && i < NAIVE_NODES; i++)
                if (c->nodes[i].there && c->nodes[i].pods[other] > 0 && same(label(&c->nodes[i], topology), value))
                        k += c->nodes[i].pods[other];
        return k;
}

/* Is there a pod that meets all terms on a node with such a label, and one beside this node for each? */
static bool near_met(const NaiveCluster *c, const PodRules *p, const NaiveNode *n) {
        bool met = true, anybody = false;

        for (unsigned t = 0; t < p->n_near; t++) {
                bool here = false;

                if (!label(n, p->near[t].topology))
                        return false;
                for (unsigned i = 0; i < NAIVE_CLASSES; i++) {
                        if (!meets_all_near(c, p, &c->classes[i]))
                                continue;
                        here |= beside(c, n, p->near[t].topology, i) > 0;
                        for (unsigned j = 0; j < NAIVE_NODES; j++)
                                anybody |= c->nodes[j].there && c->nodes[j].pods[i] > 0 && label(&c->nodes[j], p->near[t].topology);
                }
                met &= here;
        }
        return met || (!anybody && meets_all_near(c, p, p));
}

static bool has_beside(const NaiveCluster *c, const PodRules *p, const NaiveNode *n) {
        for (unsigned t = 0; t < p->n_away; t++)
                for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                        if (is_meant(c, p, &p->away[t], &c->classes[i]) && beside(c, n, p->away[t].topology, i) > 0)
                                return true;
        return false;
}

static bool others_mind(const NaiveCluster *c, const PodRules *p, const NaiveNode *n) {
        for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                for (unsigned t = 0; t < c->classes[i].n_away; t++)
                        if (is_meant(c, &c->classes[i], &c->classes[i].away[t], p) && beside(c, n, c->classes[i].away[t].topology, i) > 0)
                                return true;
        return false;
}

static Reason about_others(const NaiveCluster *c, const PodRules *p, const NaiveNode *n) {
        for (unsigned i = 0; i < p->n_spread; i++) {
                Reason r = p->spread[i].hard ? spread_met(c, p, &p->spread[i], n) : FITS;

                if (r != FITS)
                        return r;
        }
        if (p->n_near > 0 && !near_met(c, p, n))
                return NO_NEAR;
        if (has_beside(c, p, n))
                return TOO_NEAR;
        return others_mind(c, p, n) ? OTHERS_AWAY : FITS;
}

/* Both if those come that are to come to the node, and if they do not. */
static Reason about_others_twice(const NaiveCluster *c, unsigned class, const NaiveNode *n) {
        static NaiveCluster then;
        const PodRules *p = &c->classes[class];
        NaiveNode *m = &then.nodes[n - c->nodes];
        bool any = false;
        Reason r;

        for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                any |= pods_to_reckon_with(p, &c->classes[i], i, n) > n->pods[i];
        if (!any)
                return about_others(c, p, n);
        then = *c;
        for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                m->pods[i] = (unsigned) pods_to_reckon_with(p, &c->classes[i], i, n);
        r = about_others(&then, &then.classes[class], m);
        return r == FITS ? about_others(c, p, n) : r;
}

/* Each of its terms says by name which nodes it means, and none means this one. */
static bool names_others(const PodRules *p, const NaiveNode *n) {
        for (unsigned t = 0; t < p->n_terms; t++) {
                bool names = false, means = true;

                for (unsigned i = 0; i < p->terms[t].n; i++) {
                        const Rule *r = &p->terms[t].items[i];

                        names |= !r->key && r->operator == IN;
                        means &= r->key || r->operator != IN || listed(r, n->name);
                }
                if (!names || means)
                        return false;
        }
        return p->n_terms > 0;
}

Reason naive_verdict(const NaiveCluster *c, unsigned class, const NaiveNode *n, unsigned *ret_lacks, const char **ret_taint) {
        static const NaiveTaint cordon = { "node.kubernetes.io/unschedulable", "", "NoSchedule" };
        const PodRules *p = &c->classes[class];
        const NaiveTaint *taint = hard_taint(p, n);

        *ret_lacks = 0;
        *ret_taint = taint ? taint->key : n->dead ? "node.kubernetes.io/unreachable" : NULL;
        if (names_others(p, n))
                return NOT_NAMED;
        if (n->cordoned && !tolerates(p, &cordon))
                return UNSCHEDULABLE;
        if (*ret_taint)
                return TAINTED;
        if (!affinity_met(p, n))
                return NO_AFFINITY;
        if (port_taken(c, p, n))
                return NO_PORT;
        *ret_lacks = lacks(c, p, n);
        return *ret_lacks ? NO_RESOURCES : about_others_twice(c, class, n);
}

/* --- Points --- */

static int64_t counted(const NaiveCluster *c, const NaiveNode *n, const PodRules *p, bool memory) {
        int64_t sum = 0;

        for (unsigned i = 0; i <= NAIVE_CLASSES; i++) {
                const PodRules *o = i < NAIVE_CLASSES ? &c->classes[i] : p;
                int64_t asks = memory ? o->memory : o->cpu;

                sum += (i < NAIVE_CLASSES ? n->pods[i] : 1) * (asks > 0 ? asks : memory ? 200 : 100);
        }
        return sum;
}

static int64_t fill_points(int64_t used, int64_t whole, int fill) {
        if (fill == 0)
                return used > whole ? 0 : (whole - used) * 100 / whole;
        return (used > whole ? whole : used) * 100 / whole;
}

static int64_t resources_points(const NaiveCluster *c, const PodRules *p, const NaiveNode *n, int fill) {
        int64_t cpu = n->cpu > 0 ? fill_points(counted(c, n, p, false), n->cpu, fill) : 0;
        int64_t memory = n->memory > 0 ? fill_points(counted(c, n, p, true), n->memory, fill) : 0;

        if (fill < 2)
                return (cpu + memory) / ((n->cpu > 0) + (n->memory > 0));
        return (cpu > 0) + (memory > 0) == 0 ? 0 : (int64_t) round((double) (cpu + memory) / ((cpu > 0) + (memory > 0)));
}

int64_t naive_used_cpu(const NaiveCluster *c, const NaiveNode *n) {
        int64_t sum = 0;

        for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                sum += n->pods[i] * c->classes[i].cpu;
        return sum;
}

static double capped(int64_t used, int64_t whole) {
        return used > whole ? 1 : (double) used / (double) whole;
}

int64_t naive_balanced(const PodRules *p, const NaiveCluster *c, const NaiveNode *n) {
        int64_t memory = p->memory;
        double a, b;

        if (p->cpu == 0 && p->memory == 0)
                return 0;
        if (n->cpu == 0 || n->memory == 0)
                return 100;
        for (unsigned i = 0; i < NAIVE_CLASSES; i++)
                memory += n->pods[i] * c->classes[i].memory;
        a = capped(naive_used_cpu(c, n) + p->cpu, n->cpu);
        b = capped(memory, n->memory);
        return (int64_t) ((1 - fabs(a - b) / 2) * 100);
}

static int64_t image_points(const NaiveCluster *c, const PodRules *p, const NaiveNode *n) {
        int64_t all = 0, with = 0, sum;

        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                all += c->nodes[i].there;
                with += c->nodes[i].there && c->nodes[i].image_size > 0;
        }
        if (n->image_size == 0 || !(same(p->image, "img") || same(p->image, "img:latest")))
                return 0;
        sum = (int64_t) ((double) n->image_size * ((double) with / (double) all));
        sum = sum < LEAST_IMAGE ? LEAST_IMAGE : sum > MOST_IMAGE ? MOST_IMAGE : sum;
        return 100 * (sum - LEAST_IMAGE) / (MOST_IMAGE - LEAST_IMAGE);
}

static int64_t disliked_taints(const PodRules *p, const NaiveNode *n) {
        int64_t k = 0;

        for (unsigned i = 0; i < n->n_taints; i++)
                k += same(n->taints[i].effect, "PreferNoSchedule") && !tolerates(p, &n->taints[i]);
        return k;
}

static int64_t liked_labels(const PodRules *p, const NaiveNode *n) {
        int64_t sum = 0;

        for (unsigned i = 0; i < p->n_preferred; i++)
                sum += p->preferred[i].rules.n > 0 && node_meets(n, &p->preferred[i].rules) ? p->preferred[i].weight : 0;
        return sum;
}

static int64_t liked_pods(const NaiveCluster *c, const PodRules *p, const NaiveNode *n) {
        int64_t sum = 0;

        for (unsigned i = 0; i < NAIVE_CLASSES; i++) {
                const PodRules *o = &c->classes[i];

                for (unsigned t = 0; t < p->n_preferred_pods; t++)
                        if (is_meant(c, p, &p->preferred_pods[t], o))
                                sum += p->preferred_pods[t].weight * beside(c, n, p->preferred_pods[t].topology, i);
                for (unsigned t = 0; t < o->n_preferred_pods; t++)
                        if (is_meant(c, o, &o->preferred_pods[t], p))
                                sum += o->preferred_pods[t].weight * beside(c, n, o->preferred_pods[t].topology, i);
                for (unsigned t = 0; t < o->n_near; t++)
                        if (is_meant(c, o, &o->near[t], p))
                                sum += beside(c, n, o->near[t].topology, i);
        }
        return sum;
}

/* What is only preferred counts nodes of the same hostname one by one. */
static bool is_host(const SpreadRule *s) {
        return same(s->topology, "kubernetes.io/hostname");
}

/* How many domains have nodes that fit. */
static int domains_that_fit(const NaiveCluster *c, const PodRules *p, const SpreadRule *s, const bool fit[]) {
        int k = 0;

        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                bool first = fit[i] && has_all_topologies(p, &c->nodes[i], false);

                for (unsigned j = 0; j < i && first && !is_host(s); j++)
                        first = !(fit[j] && has_all_topologies(p, &c->nodes[j], false) &&
                                  same(label(&c->nodes[i], s->topology), label(&c->nodes[j], s->topology)));
                k += first;
        }
        return k;
}

static int64_t crowd(const NaiveCluster *c, const PodRules *p, const bool fit[], const NaiveNode *n) {
        double sum = 0;

        for (unsigned i = 0; i < p->n_spread; i++) {
                const SpreadRule *s = &p->spread[i];
                int64_t k;

                if (s->hard || !label(n, s->topology))
                        continue;
                k = is_host(s) ? selected_on(c, p, s, n) : selected_in(c, p, s, label(n, s->topology));
                sum += (double) k * log((double) domains_that_fit(c, p, s, fit) + 2) + (s->skew - 1);
        }
        return (int64_t) round(sum);
}

static bool wants_spread(const PodRules *p) {
        for (unsigned i = 0; i < p->n_spread; i++)
                if (!p->spread[i].hard)
                        return true;
        return false;
}

/* Pods that ask for no spreading, and that Services select, are spread over zones and hosts, also where there are no zones. */
static PodRules with_default_spread(const PodRules *p) {
        PodRules q = *p;

        if (p->n_spread > 0 || p->selected.n == 0)
                return q;
        q.spread_by_default = true;
        q.spread[q.n_spread++] = (SpreadRule) { .selector = p->selected, .topology = "kubernetes.io/hostname", .skew = 3 };
        q.spread[q.n_spread++] = (SpreadRule) { .selector = p->selected, .topology = "topology.kubernetes.io/zone", .skew = 5 };
        return q;
}

static void add_spread(const NaiveCluster *c, const PodRules *p, const bool fit[], int64_t ret[]) {
        int64_t least = INT64_MAX, most = 0, points[NAIVE_NODES] = {};
        bool in[NAIVE_NODES];

        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                in[i] = fit[i] && has_all_topologies(p, &c->nodes[i], false);
                if (!in[i])
                        continue;
                points[i] = crowd(c, p, fit, &c->nodes[i]);
                least = points[i] < least ? points[i] : least;
                most = points[i] > most ? points[i] : most;
        }
        for (unsigned i = 0; i < NAIVE_NODES; i++)
                if (in[i])
                        ret[i] += 2 * (most == 0 ? 100 : 100 * (most + least - points[i]) / most);
}

static void add_liked_pods(const NaiveCluster *c, const PodRules *p, const bool fit[], int64_t ret[]) {
        int64_t least = INT64_MAX, most = INT64_MIN, points[NAIVE_NODES];

        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                if (!fit[i])
                        continue;
                points[i] = liked_pods(c, p, &c->nodes[i]);
                least = points[i] < least ? points[i] : least;
                most = points[i] > most ? points[i] : most;
        }
        for (unsigned i = 0; i < NAIVE_NODES; i++)
                if (fit[i] && most > least)
                        ret[i] += 2 * (int64_t) (100.0 * ((double) (points[i] - least) / (double) (most - least)));
}

void naive_totals(const NaiveCluster *c, unsigned class, const bool fit[], int fill, int64_t ret[]) {
        const PodRules *p = &c->classes[class], spread = with_default_spread(p);
        int64_t taints = 0, labels = 0;

        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                const NaiveNode *n = &c->nodes[i];

                ret[i] = 0;
                if (!fit[i])
                        continue;
                ret[i] = resources_points(c, p, n, fill) + naive_balanced(p, c, n) + image_points(c, p, n);
                taints = disliked_taints(p, n) > taints ? disliked_taints(p, n) : taints;
                labels = liked_labels(p, n) > labels ? liked_labels(p, n) : labels;
        }
        for (unsigned i = 0; i < NAIVE_NODES; i++) {
                if (!fit[i])
                        continue;
                ret[i] += 3 * (taints == 0 ? 100 : 100 - disliked_taints(p, &c->nodes[i]) * 100 / taints);
                ret[i] += labels == 0 ? 0 : 2 * (liked_labels(p, &c->nodes[i]) * 100 / labels);
        }
        if (wants_spread(&spread))
                add_spread(c, &spread, fit, ret);
        add_liked_pods(c, p, fit, ret);
}
