/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/class-order.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/sched/scheduler.h"

#define HOSTNAME "kubernetes.io/hostname"
/* What an order and the class that it keeps take beside its nodes, and what it costs to look for others past it. */
#define ORDER_PLACES 1000

static int compare_keys(const TreapNode *a, const TreapNode *b) {
        const OrderNode *x = container_of(a, OrderNode, in_group), *y = container_of(b, OrderNode, in_group);

        return CMP(y->key, x->key) ?: CMP(x->order, y->order);
}

/* --- Counters --- */

/* Is every node a domain of its own? What is only preferred counts a host's pods node by node, whatever hosts are called (podtopologyspread,
 * Score()). */
static bool is_local(const Scheduler *s, const Counter *k, const char *key) {
        return streq(key, HOSTNAME) && (s->odd_hostnames == 0 || (k->use == COUNTER_SPREAD && !k->constraint->hard));
}

static bool has_counter(const ClassOrder *o, CounterUse use, const char *key) {
        for (size_t i = 0; i < o->n_counters; i++)
                if (o->counters[i].use == use && streq(o->counters[i].topology_key, key))
                        return true;
        return false;
}

static int add_counter(ClassOrder *o, const char *topology_key, Counter k) {
        Counter *new;

        if (o->n_counters >= CLASS_COUNTERS_MAX)
                return 0; /* the front door lets no pod have so many terms; of others' topologies the first are enough */
        new = &o->counters[o->n_counters];
        *new = k;
        if (counter_init(new, topology_key, o->scheduler->secret) < 0)
                return -ENOMEM;
        o->n_counters++;
        new->local = is_local(o->scheduler, new, topology_key);
        new->self = counter_weight(new, o->class, o->class, &o->scheduler->namespaces) > 0;
        return 0;
}

static int add_once(ClassOrder *o, CounterUse use, const char *topology_key) {
        return has_counter(o, use, topology_key) ? 0 : add_counter(o, topology_key, (Counter) { .use = use });
}

/* Topologies of those of its terms that are about the class. */
static int add_topologies_of(ClassOrder *o, const PodClass *other) {
        const NamespaceLabels *namespaces = &o->scheduler->namespaces;
        int r = 0;

        for (size_t i = 0; i < other->n_anti_affinity && r >= 0; i++)
                if (pod_term_matches(&other->anti_affinity[i], o->class, namespaces))
                        r = add_once(o, COUNTER_OTHERS, other->anti_affinity[i].topology_key);
        if (!o->algorithm->profile)
                return r;
        for (size_t i = 0; i < other->n_preferred_pods && r >= 0; i++)
                if (pod_term_matches(&other->preferred_pods[i], o->class, namespaces))
                        r = add_once(o, COUNTER_PREFERENCE, other->preferred_pods[i].topology_key);
        for (size_t i = 0; i < other->n_affinity && r >= 0; i++)
                if (pod_term_matches(&other->affinity[i], o->class, namespaces))
                        r = add_once(o, COUNTER_PREFERENCE, other->affinity[i].topology_key);
        return r;
}

/* Topologies that others' terms ask for, once each. */
static int add_topologies_of_pool(ClassOrder *o, const PodClassPool *pool) {
        PodShape *other;
        int r;

        LIST_FOREACH(other, &pool->with_terms, PodShape, in_terms) {
                r = add_topologies_of(o, pod_shape_class(other));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int make_counters(ClassOrder *o) {
        const PodClass *c = o->class;
        int r = 0;

        o->counters = new0(Counter, CLASS_COUNTERS_MAX);
        if (!o->counters)
                return -ENOMEM;
        for (size_t i = 0; i < c->n_spread && r >= 0; i++)
                if (c->spread[i].hard || o->algorithm->profile)
                        r = add_counter(o, c->spread[i].topology_key, (Counter) { .use = COUNTER_SPREAD, .constraint = &c->spread[i] });
        for (size_t i = 0; i < o->spread.n && r >= 0; i++)
                r = add_counter(o, o->spread.constraints[i].topology_key, (Counter) { .use = COUNTER_SPREAD, .constraint = &o->spread.constraints[i] });
        for (size_t i = 0; i < c->n_affinity && r >= 0; i++)
                r = add_counter(o, c->affinity[i].topology_key, (Counter) { .use = COUNTER_AFFINITY, .term = &c->affinity[i] });
        for (size_t i = 0; i < c->n_anti_affinity && r >= 0; i++)
                r = add_counter(o, c->anti_affinity[i].topology_key, (Counter) { .use = COUNTER_ANTI_AFFINITY, .term = &c->anti_affinity[i] });
        for (size_t i = 0; o->algorithm->profile && i < c->n_preferred_pods && r >= 0; i++)
                r = add_once(o, COUNTER_PREFERENCE, c->preferred_pods[i].topology_key);
        if (r >= 0)
                r = add_topologies_of_pool(o, &o->scheduler->classes);
        if (r >= 0 && o->scheduler->others)
                r = add_topologies_of_pool(o, o->scheduler->others);
        return r;
}

/* --- Groups --- */

static uint64_t hash_of(const ClassOrder *o, int64_t taints, int64_t affinity, const int64_t *marks) {
        uint64_t h = UINT64_C(0x9e3779b97f4a7c15);

        h = (h ^ (uint64_t) taints) * UINT64_C(0xff51afd7ed558ccd);
        h = (h ^ (h >> 32) ^ (uint64_t) affinity) * UINT64_C(0xff51afd7ed558ccd);
        for (size_t i = 0; i < 2 * o->n_counters; i++)
                h = (h ^ (h >> 32) ^ (uint64_t) marks[i]) * UINT64_C(0xff51afd7ed558ccd);
        return h ^ (h >> 29);
}

static int grow_buckets(ClassOrder *o) {
        size_t n = o->n_buckets > 0 ? o->n_buckets * 2 : 16;
        Group **buckets;

        if (o->n_groups < o->n_buckets)
                return 0;
        buckets = new0(Group*, n);
        if (!buckets)
                return -ENOMEM;
        for (size_t i = 0; i < o->n_groups; i++) {
                Group *g = o->groups[i];

                g->next = buckets[g->hash & (n - 1)];
                buckets[g->hash & (n - 1)] = g;
        }
        free(o->buckets);
        o->buckets = buckets;
        o->n_buckets = n;
        return 0;
}

static int new_group(ClassOrder *o, uint64_t hash, const OrderNode *x, const int64_t *marks, Group **ret) {
        Group *g;

        if (!GREEDY_REALLOC(o->groups, o->groups_allocated, o->n_groups + 1) || grow_buckets(o) < 0)
                return -ENOMEM;
        g = calloc(1, sizeof(Group) + 2 * o->n_counters * sizeof(int64_t));
        if (!g)
                return -ENOMEM;
        g->hash = hash;
        g->taints = x->taints;
        g->affinity = x->affinity;
        memcpy(g->marks, marks, 2 * o->n_counters * sizeof(int64_t));
        for (size_t i = 0; i < o->n_counters; i++)
                g->expects |= marks[o->n_counters + i] != 0;
        treap_init(&g->members, compare_keys);
        g->next = o->buckets[hash & (o->n_buckets - 1)];
        o->buckets[hash & (o->n_buckets - 1)] = g;
        g->position = o->n_groups;
        o->groups[o->n_groups++] = g;
        *ret = g;
        return 0;
}

static Group *group_free(Group *g) {
        free(g->slots);
        return mfree(g);
}

static void drop_group(ClassOrder *o, Group *g) {
        Group **link = &o->buckets[g->hash & (o->n_buckets - 1)];

        while (*link != g)
                link = &(*link)->next;
        *link = g->next;
        o->groups[g->position] = o->groups[--o->n_groups];
        o->groups[g->position]->position = g->position;
        group_free(g);
}

static void marks_of(const ClassOrder *o, size_t slot, int64_t *ret) {
        const Place *p = &o->places[slot * o->n_counters];

        for (size_t i = 0; i < o->n_counters; i++)
                ret[i] = p[i].domain < 0 ? MARK_NONE : o->counters[i].local ? p[i].count : p[i].domain;
}

/* What those contribute to the counters of filters that are nominated to the node in that slot: 1 when that is anything. -ENOMEM. */
static int expect(ClassOrder *o, size_t slot, const SchedNode *n, const int64_t *marks, int64_t *ret) {
        const Place *places = &o->places[slot * o->n_counters];
        bool any = false;
        int r;

        memset(ret, 0, o->n_counters * sizeof(int64_t));
        for (uint32_t i = 0; i < n->nominated.n_items && o->n_counters > 0; i++) {
                const SchedUse *u = &n->nominated.items[i];
                const int64_t *weights;

                if (!filter_expects(o->class, u->class))
                        continue;
                r = class_weights_get(&o->weights, o->counters, o->n_counters, o->class, u->class, &o->scheduler->namespaces, &weights);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < o->n_counters; k++)
                        if (places[k].domain >= 0 && places[k].counts && counter_filters(&o->counters[k]))
                                ret[k] += weights[k] * u->n;
        }
        for (size_t k = 0; k < o->n_counters; k++) {
                if (ret[k] == 0)
                        continue;
                any = true;
                r = counter_reserve(&o->counters[k], marks[k], ret[k]);
                if (r < 0)
                        return r;
        }
        return any;
}

static int find_group(ClassOrder *o, const OrderNode *x, size_t slot, Group **ret) {
        int64_t marks[2 * CLASS_COUNTERS_MAX];
        uint64_t hash;
        int r;

        marks_of(o, slot, marks);
        r = expect(o, slot, o->scheduler->nodes[slot], marks, marks + o->n_counters);
        if (r < 0)
                return r;
        hash = hash_of(o, x->taints, x->affinity, marks);
        for (Group *g = o->n_buckets > 0 ? o->buckets[hash & (o->n_buckets - 1)] : NULL; g; g = g->next)
                if (g->hash == hash && g->taints == x->taints && g->affinity == x->affinity &&
                    memcmp(g->marks, marks, 2 * o->n_counters * sizeof(int64_t)) == 0) {
                        *ret = g;
                        return 0;
                }
        return new_group(o, hash, x, marks, ret);
}

static bool is_ordered(const ClassOrder *o) {
        return o->algorithm->pick == PICK_BEST || o->algorithm->pick == PICK_NEXT;
}

static void leave_group(ClassOrder *o, OrderNode *x) {
        Group *g = x->group;

        if (!g)
                return;
        if (is_ordered(o))
                treap_remove(&g->members, &x->in_group);
        g->slots[x->position] = g->slots[--g->n_slots];
        o->nodes[g->slots[x->position]].position = x->position;
        x->group = NULL;
        if (g->n_slots == 0)
                drop_group(o, g);
}

static int join_group(ClassOrder *o, OrderNode *x, size_t slot) {
        size_t allocated;
        Group *g;
        int r;

        r = find_group(o, x, slot, &g);
        if (r < 0)
                return r;
        allocated = g->allocated;
        if (!GREEDY_REALLOC(g->slots, allocated, g->n_slots + 1)) {
                if (g->n_slots == 0)
                        drop_group(o, g);
                return -ENOMEM;
        }
        g->allocated = (uint32_t) allocated;
        x->position = g->n_slots;
        g->slots[g->n_slots++] = (uint32_t) slot;
        x->group = g;
        if (is_ordered(o))
                treap_insert(&g->members, &x->in_group);
        return 0;
}

/* --- Nodes --- */

/* Has the node every topology that the class's constraints of that strictness name? */
static bool has_topologies(const PodClass *c, const SchedNode *n, bool hard) {
        for (size_t i = 0; i < c->n_spread; i++)
                if (c->spread[i].hard == hard && !node_label(n->node, c->spread[i].topology_key))
                        return false;
        return true;
}

/* Do pods of the node count for the constraint? Kubernetes API reference, nodeAffinityPolicy and nodeTaintsPolicy. */
static bool counts_for(const PodClass *c, const SchedNode *n, const SpreadConstraint *s) {
        return has_topologies(c, n, s->hard) && (s->ignores_affinity || filter_node_affinity(c, n)) && (!s->honors_taints || !filter_untolerated(c, n));
}

static void forget(ClassOrder *o, size_t slot) {
        OrderNode *x = &o->nodes[slot];

        if (!x->present)
                return;
        leave_group(o, x);
        for (size_t i = 0; i < o->n_counters; i++)
                counter_leave(&o->counters[i], &o->places[slot * o->n_counters + i]);
        *x = (OrderNode) {};
}

/* What the node's object and document say. */
static int learn(ClassOrder *o, size_t slot, const SchedNode *n) {
        OrderNode *x = &o->nodes[slot];
        int r = 0;

        for (size_t i = 0; i < o->n_counters && r >= 0; i++) {
                Counter *k = &o->counters[i];
                Place *p = &o->places[slot * o->n_counters + i];
                const char *value = node_label(n->node, k->topology_key);

                p->counts = k->use != COUNTER_SPREAD || counts_for(o->class, n, k->constraint);
                r = p->domain = !value ? -1 : k->local ? 0 : counter_domain(k, value);
                if (value && r >= 0)
                        r = counter_enter(k, p);
                else if (!value)
                        r = 0;
                if (r < 0)
                        p->domain = -1;
                if (r < 0)
                        for (size_t before = 0; before < i; before++)
                                counter_leave(&o->counters[before], &o->places[slot * o->n_counters + before]);
        }
        if (r < 0)
                return r;
        *x = (OrderNode) { .present = true, .order = n->order, .version = n->version, .fixed = filter_static(o->class, n) };
        if (o->algorithm->profile) {
                x->taints = score_taints(o->class, n);
                x->affinity = score_node_affinity(o->class, n);
        }
        return 0;
}

/* What the pods of such a node contribute to each counter. */
static int count_pods(ClassOrder *o, const SchedNode *n, int64_t *ret) {
        const int64_t *weights;
        int r;

        memset(ret, 0, o->n_counters * sizeof(int64_t));
        for (uint32_t i = 0; i < n->uses.n_items; i++) {
                const SchedUse *u = &n->uses.items[i];

                r = class_weights_get(&o->weights, o->counters, o->n_counters, o->class, u->class, &o->scheduler->namespaces, &weights);
                if (r < 0)
                        return r;
                for (size_t k = 0; k < o->n_counters; k++)
                        ret[k] += weights[k] * (o->counters[k].use == COUNTER_SPREAD ? u->n - u->n_ending : u->n);
        }
        return 0;
}

static int recount(ClassOrder *o, size_t slot, const SchedNode *n) {
        int64_t counts[CLASS_COUNTERS_MAX];
        int r;

        if (o->n_counters == 0)
                return 0;
        r = count_pods(o, n, counts);
        for (size_t i = 0; i < o->n_counters && r >= 0; i++)
                r = counter_set(&o->counters[i], &o->places[slot * o->n_counters + i], counts[i]);
        return r;
}

static int refresh(ClassOrder *o, size_t slot) {
        const SchedNode *n = o->scheduler->nodes[slot];
        OrderNode *x = &o->nodes[slot];
        int r = 0;

        if (x->present && (!n || n->order != x->order || n->version != x->version))
                forget(o, slot);
        if (!n)
                return 0;
        leave_group(o, x);
        if (!x->present)
                r = learn(o, slot, n);
        if (r >= 0)
                r = recount(o, slot, n);
        if (r < 0)
                return r;
        x->verdict = x->fixed.kind != FILTER_FITS ? x->fixed : filter_dynamic(o->class, n);
        if (x->verdict.kind != FILTER_FITS)
                return 0;
        x->key = o->algorithm->key ? o->algorithm->key(o->scheduler, o->class, n) : 0;
        return join_group(o, x, slot);
}

/* --- The order --- */

/* At all nodes. What changes of them meanwhile is noted, and looked at after. */
static void look_anew(ClassOrder *o) {
        o->to_look = 0;
        o->seen = o->scheduler->n_changes;
}

int class_order_new(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, ClassOrder **ret) {
        _cleanup_(class_order_freep) ClassOrder *o = new0(ClassOrder, 1);
        int r;

        if (!o)
                return -ENOMEM;
        o->scheduler = s;
        o->class = pod_class_ref(class);
        o->algorithm = algorithm;
        o->terms_version = scheduler_terms_version(s);
        o->namespaces_version = s->namespaces_version;
        o->images_version = s->images_version;
        o->workload_version = s->workload_version;
        o->selectors_version = s->selectors_version;
        o->odd_hostnames = s->odd_hostnames;
        look_anew(o);
        r = algorithm->profile ? default_spread_init(&o->spread, &s->selectors, class) : 0;
        if (r >= 0)
                r = make_counters(o);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

ClassOrder *class_order_free(ClassOrder *o) {
        if (!o)
                return NULL;
        list_remove(&o->link);
        for (size_t i = 0; i < o->n_groups; i++)
                group_free(o->groups[i]);
        for (size_t i = 0; i < o->n_counters; i++)
                counter_done(&o->counters[i]);
        default_spread_done(&o->spread);
        class_weights_done(&o->weights);
        free(o->groups);
        free(o->buckets);
        free(o->counters);
        free(o->nodes);
        free(o->places);
        pod_class_unref(o->class);
        pod_class_unref(o->sibling);
        return mfree(o);
}

/* --- Classes that are alike --- */

static bool are_alike_to_terms(const PodTerm *terms, size_t n, const PodClass *a, const PodClass *b, const NamespaceLabels *namespaces) {
        for (size_t i = 0; i < n; i++)
                if (pod_term_matches(&terms[i], a, namespaces) != pod_term_matches(&terms[i], b, namespaces))
                        return false;
        return true;
}

static bool are_alike_to_pool(const PodClassPool *pool, const PodClass *a, const PodClass *b, const NamespaceLabels *namespaces) {
        PodShape *shape;

        LIST_FOREACH(shape, &pool->with_terms, PodShape, in_terms) {
                const PodClass *c = pod_shape_class(shape);

                if (!are_alike_to_terms(c->anti_affinity, c->n_anti_affinity, a, b, namespaces) ||
                    !are_alike_to_terms(c->affinity, c->n_affinity, a, b, namespaces) ||
                    !are_alike_to_terms(c->preferred_pods, c->n_preferred_pods, a, b, namespaces))
                        return false;
        }
        return true;
}

/* To the terms of all pods, its own among them, to its constraints, and to what spreads it by default. */
static bool is_alike(const ClassOrder *o, const PodClass *class) {
        const Scheduler *s = o->scheduler;

        for (size_t i = 0; i < o->n_counters; i++)
                if (o->counters[i].use == COUNTER_SPREAD &&
                    (counter_weight(&o->counters[i], class, class, &s->namespaces) > 0) != o->counters[i].self)
                        return false;
        return are_alike_to_pool(&s->classes, o->class, class, &s->namespaces) &&
               (!s->others || are_alike_to_pool(s->others, o->class, class, &s->namespaces)) &&
               (!o->algorithm->profile || default_spread_holds(&o->spread, &s->selectors, class));
}

bool class_order_serves(ClassOrder *o, PodClass *class) {
        if (class == o->class)
                return true;
        if (class->shape != o->class->shape || class->n_nominated + o->class->n_nominated > 0)
                return false; /* pods that are nominated stand in the way of all classes but their own */
        if (class == o->sibling)
                return true;
        if (!is_alike(o, class))
                return false;
        pod_class_unref(o->sibling);
        o->sibling = pod_class_ref(class);
        return true;
}

bool class_order_keeps_spread(ClassOrder *o) {
        const Scheduler *s = o->scheduler;

        if (o->selectors_version == s->selectors_version)
                return true;
        if (o->algorithm->profile && !default_spread_holds(&o->spread, &s->selectors, o->class))
                return false;
        o->selectors_version = s->selectors_version;
        o->sibling = pod_class_unref(o->sibling);
        return true;
}

size_t class_order_places(const ClassOrder *o) {
        return ORDER_PLACES + o->n_nodes * (2 + o->n_counters) / 2;
}

/* Room for every slot. Members of treaps move with their nodes, so that those are put together anew. */
static int grow(ClassOrder *o, size_t n) {
        OrderNode *nodes;
        Place *places = NULL;

        if (n <= o->n_nodes)
                return 0;
        n += n / 4;
        nodes = new0(OrderNode, n);
        places = o->n_counters > 0 ? new0(Place, n * o->n_counters) : NULL;
        if (!nodes || (o->n_counters > 0 && !places)) {
                free(nodes);
                free(places);
                return -ENOMEM;
        }
        for (size_t i = 0; i < o->n_nodes; i++)
                forget(o, i);
        free(o->nodes);
        free(o->places);
        o->nodes = nodes;
        o->places = places;
        o->n_nodes = n;
        look_anew(o);
        return 0;
}

int class_order_update(ClassOrder *o, size_t most) {
        Scheduler *s = o->scheduler;
        int r;

        r = grow(o, s->n_slots);
        if (r < 0)
                return r;
        if (s->n_changes - o->seen > MIN(s->changes_allocated, s->n_slots))
                look_anew(o);
        for (; o->to_look < s->n_slots; o->to_look++, most--) {
                r = most > 0 ? refresh(o, o->to_look) : 1;
                if (r != 0)
                        return r;
        }
        o->to_look = SIZE_MAX;
        for (; o->seen < s->n_changes; o->seen++, most--) {
                r = most > 0 ? refresh(o, s->changes[o->seen & (s->changes_allocated - 1)]) : 1;
                if (r != 0)
                        return r;
        }
        return 0;
}

Verdict class_order_verdict_with(ClassOrder *o, size_t slot, const SchedNode *node) {
        Place *places = &o->places[slot * o->n_counters];
        int64_t before[CLASS_COUNTERS_MAX], counts[CLASS_COUNTERS_MAX];
        const OrderNode *x = &o->nodes[slot];
        int64_t marks[2 * CLASS_COUNTERS_MAX];
        Verdict verdict;
        int r;

        verdict = !x->present ? (Verdict) { .kind = FILTER_UNHELPED } : x->fixed;
        if (verdict.kind == FILTER_FITS)
                verdict = filter_dynamic(o->class, node);
        if (verdict.kind != FILTER_FITS || o->n_counters == 0)
                return verdict;
        if (count_pods(o, node, counts) < 0)
                return (Verdict) { .kind = FILTER_NO_VICTIMS }; /* for want of memory nobody is to be moved about */
        for (size_t i = 0; i < o->n_counters; i++) {
                before[i] = places[i].count;
                (void) counter_set(&o->counters[i], &places[i], counts[i]);
        }
        marks_of(o, slot, marks);
        r = expect(o, slot, node, marks, marks + o->n_counters);
        verdict = r < 0 ? (Verdict) { .kind = FILTER_NO_VICTIMS } : class_order_judge_marks(o, marks, r > 0);
        for (size_t i = 0; i < o->n_counters; i++)
                (void) counter_set(&o->counters[i], &places[i], before[i]);
        return verdict;
}
