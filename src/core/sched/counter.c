/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/counter.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

static const char *domain_value(const void *value) {
        return ((const Domain*) value)->value;
}

int counter_init(Counter *k, const char *topology_key, const uint64_t secret[2]) {
        hashtable_init(&k->by_value, domain_value, secret);
        k->topology_key = strdup(topology_key);
        return k->topology_key ? 0 : -ENOMEM;
}

void counter_done(Counter *k) {
        for (size_t i = 0; i < k->n_domains; i++) {
                free(k->domains[i]->value);
                free(k->domains[i]);
        }
        free(k->domains);
        free(k->with_count);
        free(k->topology_key);
        hashtable_done(&k->by_value);
        *k = (Counter) {};
}

int counter_domain(Counter *k, const char *value) {
        Domain *d = hashtable_get(&k->by_value, value);

        if (d)
                return (int) d->number;
        if (k->n_domains >= INT32_MAX || !GREEDY_REALLOC(k->domains, k->allocated, k->n_domains + 1))
                return -ENOMEM;
        d = new0(Domain, 1);
        if (!d)
                return -ENOMEM;
        d->value = strdup(value);
        if (!d->value || hashtable_put(&k->by_value, d) < 0) {
                free(d->value);
                free(d);
                return -ENOMEM;
        }
        d->number = (uint32_t) k->n_domains;
        k->domains[k->n_domains] = d;
        return (int) k->n_domains++;
}

/* Room to count the nodes with so many pods. */
static int reserve_with_count(Counter *k, int64_t count) {
        uint32_t *p;
        size_t n = (size_t) count + 1;

        if (n <= k->n_with_count)
                return 0;
        n += n / 2 + 8;
        p = realloc(k->with_count, n * sizeof(uint32_t));
        if (!p)
                return -ENOMEM;
        memset(p + k->n_with_count, 0, (n - k->n_with_count) * sizeof(uint32_t));
        k->with_count = p;
        k->n_with_count = n;
        return 0;
}

static bool counts_nodes(const Counter *k) {
        return k->local && k->use == COUNTER_SPREAD;
}

int counter_enter(Counter *k, Place *p) {
        int r;

        p->count = 0;
        if (p->domain < 0 || !p->counts)
                return 0;
        if (counts_nodes(k)) {
                r = reserve_with_count(k, 0);
                if (r < 0)
                        return r;
                k->with_count[0]++;
        } else if (!k->local)
                k->domains[p->domain]->n_nodes++;
        return 0;
}

void counter_leave(Counter *k, Place *p) {
        if (p->domain < 0 || !p->counts)
                return;
        (void) counter_set(k, p, 0); /* there is room for none */
        if (counts_nodes(k))
                k->with_count[0]--;
        else if (!k->local)
                k->domains[p->domain]->n_nodes--;
}

int counter_set(Counter *k, Place *p, int64_t count) {
        int r;

        if (p->domain < 0 || !p->counts || count == p->count)
                return 0;
        if (counts_nodes(k)) {
                r = reserve_with_count(k, count);
                if (r < 0)
                        return r;
                k->with_count[p->count]--;
                k->with_count[count]++;
        } else if (!k->local)
                k->domains[p->domain]->count += count - p->count;
        k->total += count - p->count;
        p->count = count;
        return 0;
}

int counter_reserve(Counter *k, int64_t mark, int64_t n) {
        return counts_nodes(k) ? reserve_with_count(k, mark + n) : 0;
}

int64_t counter_pretend(Counter *k, int64_t mark, int64_t n) {
        k->total += n;
        if (!k->local) {
                k->domains[mark]->count += n;
                return mark;
        }
        if (counts_nodes(k)) {
                k->with_count[mark]--;
                k->with_count[mark + n]++;
        }
        return mark + n;
}

/* Must meet all required terms to count for any (kube-scheduler, podMatchesAllAffinityTerms). */
static bool meets_all_terms(const PodClass *own, const PodClass *other, const NamespaceLabels *namespaces) {
        for (size_t i = 0; i < own->n_affinity; i++)
                if (!pod_term_matches(&own->affinity[i], other, namespaces))
                        return false;
        return true;
}

static int64_t preference(const Counter *k, const PodClass *own, const PodClass *other, const NamespaceLabels *namespaces) {
        int64_t sum = 0;

        for (size_t i = 0; i < own->n_preferred_pods; i++)
                if (streq(own->preferred_pods[i].topology_key, k->topology_key) && pod_term_matches(&own->preferred_pods[i], other, namespaces))
                        sum += own->preferred_pods[i].weight;
        for (size_t i = 0; i < other->n_preferred_pods; i++)
                if (streq(other->preferred_pods[i].topology_key, k->topology_key) && pod_term_matches(&other->preferred_pods[i], own, namespaces))
                        sum += other->preferred_pods[i].weight;
        for (size_t i = 0; i < other->n_affinity; i++)
                if (streq(other->affinity[i].topology_key, k->topology_key) && pod_term_matches(&other->affinity[i], own, namespaces))
                        sum += HARD_AFFINITY_WEIGHT;
        return sum;
}

int64_t counter_weight(const Counter *k, const PodClass *own, const PodClass *other, const NamespaceLabels *namespaces) {
        int64_t n = 0;

        switch (k->use) {
        case COUNTER_SPREAD:
                return streq(own->namespace, other->namespace) && requirements_hold(&k->constraint->selector, pod_class_label, other);
        case COUNTER_AFFINITY:
                return meets_all_terms(own, other, namespaces);
        case COUNTER_ANTI_AFFINITY:
                return pod_term_matches(k->term, other, namespaces);
        case COUNTER_OTHERS:
                for (size_t i = 0; i < other->n_anti_affinity; i++)
                        n += streq(other->anti_affinity[i].topology_key, k->topology_key) && pod_term_matches(&other->anti_affinity[i], own, namespaces);
                return n;
        default:
                return preference(k, own, other, namespaces);
        }
}

int64_t counter_least(const Counter *k, size_t *ret_domains) {
        int64_t least = INT64_MAX;
        size_t n = 0;

        if (k->local)
                for (size_t i = 0; i < k->n_with_count; i++) {
                        n += k->with_count[i];
                        if (k->with_count[i] > 0)
                                least = MIN(least, (int64_t) i);
                }
        for (size_t i = 0; i < k->n_domains; i++)
                if (k->domains[i]->n_nodes > 0) {
                        n++;
                        least = MIN(least, k->domains[i]->count);
                }
        *ret_domains = n;
        return n > 0 ? least : 0;
}
