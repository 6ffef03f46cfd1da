/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/filter.h"

#include "basic/string-util.h"

static const char *const plugins[_FILTER_MAX] = {
        [FILTER_FITS] = "",
        [FILTER_NOT_NAMED] = "NodeAffinity",
        [FILTER_UNSCHEDULABLE] = "NodeUnschedulable",
        [FILTER_TAINT] = "TaintToleration",
        [FILTER_NOT_READY] = "TaintToleration",
        [FILTER_NODE_AFFINITY] = "NodeAffinity",
        [FILTER_PORTS] = "NodePorts",
        [FILTER_RESOURCES] = "NodeResourcesFit",
        [FILTER_SPREAD] = "PodTopologySpread",
        [FILTER_SPREAD_LABEL] = "PodTopologySpread",
        [FILTER_POD_AFFINITY] = "InterPodAffinity",
        [FILTER_POD_ANTI_AFFINITY] = "InterPodAffinity",
        [FILTER_OTHERS_ANTI_AFFINITY] = "InterPodAffinity",
        [FILTER_UNHELPED] = "DefaultPreemption",
        [FILTER_NO_VICTIMS] = "DefaultPreemption",
};

/* What a node that does not live, or is to take no pods, is tainted with as long as that lasts. */
static const Taint unreachable = { "node.kubernetes.io/unreachable", "", TAINT_NO_SCHEDULE };
static const Taint not_ready = { "node.kubernetes.io/not-ready", "", TAINT_NO_SCHEDULE };
#define UNSCHEDULABLE "node.kubernetes.io/unschedulable"

const char *filter_plugin(FilterKind k) {
        assert(k < _FILTER_MAX);
        return plugins[k];
}

const Taint *filter_untolerated(const PodClass *c, const SchedNode *n) {
        for (size_t i = 0; i < n->class->n_taints; i++) {
                const Taint *t = &n->class->taints[i];

                if (t->effect != TAINT_PREFER_NO_SCHEDULE && pod_class_tolerates(c, t->key, t->value, t->effect) == 0)
                        return t;
        }
        return NULL;
}

bool filter_node_affinity(const PodClass *c, const SchedNode *n) {
        if (!requirements_hold(&c->node_selector, node_label_of, n->node))
                return false;
        for (size_t i = 0; i < c->n_node_terms; i++)
                if (requirements_hold(&c->node_terms[i], node_label_of, n->node))
                        return true;
        return !c->has_node_terms;
}

/* One that names its nodes in each of its terms asks nothing of others (NodeAffinity's PreFilter). */
static bool is_named(const PodClass *c, const SchedNode *n) {
        for (size_t i = 0; i < c->n_node_terms; i++)
                if (requirements_admit_name(&c->node_terms[i], n->node->object.name))
                        return true;
        return false;
}

Verdict filter_static(const PodClass *c, const SchedNode *n) {
        const Taint *taint;

        if (c->names_nodes && !is_named(c, n))
                return (Verdict) { .kind = FILTER_NOT_NAMED };
        /* One that is to stop is shown as if it were cordoned; whoever bears with a cordon would have to leave it again. */
        if (n->node->stop_requested || (n->node->unschedulable && pod_class_tolerates(c, UNSCHEDULABLE, "", TAINT_NO_SCHEDULE) == 0))
                return (Verdict) { .kind = FILTER_UNSCHEDULABLE };
        taint = filter_untolerated(c, n); /* clients' taints are shown first */
        if (taint)
                return (Verdict) { .kind = FILTER_TAINT, .taint = taint };
        if (!n->open) {
                taint = n->node->health == NODE_STARTING ? &not_ready : &unreachable;
                return (Verdict) { .kind = pod_class_tolerates(c, taint->key, "", taint->effect) == 0 ? FILTER_TAINT : FILTER_NOT_READY, .taint = taint };
        }
        if (!filter_node_affinity(c, n))
                return (Verdict) { .kind = FILTER_NODE_AFFINITY };
        return (Verdict) {};
}

bool filter_expects(const PodClass *c, const PodClass *nominated) {
        return nominated != c && nominated->priority >= c->priority;
}

static bool has_conflict(const PodClass *c, const PodClass *other) {
        for (size_t a = 0; a < other->n_ports; a++)
                for (size_t b = 0; b < c->n_ports; b++)
                        if (host_port_conflicts(&other->ports[a], &c->ports[b]))
                                return true;
        return false;
}

static bool lacks_ports(const PodClass *c, const SchedNode *n) {
        for (uint32_t i = 0; i < n->uses.n_items; i++)
                if (has_conflict(c, n->uses.items[i].class))
                        return true;
        for (uint32_t i = 0; i < n->nominated.n_items; i++)
                if (filter_expects(c, n->nominated.items[i].class) && has_conflict(c, n->nominated.items[i].class))
                        return true;
        return false;
}

/* What pods that are to come will hold. */
static void add_nominated(const PodClass *c, const SchedNode *n, Resources *held, uint32_t *pods) {
        for (uint32_t i = 0; i < n->nominated.n_items; i++) {
                const SchedUse *x = &n->nominated.items[i];

                if (!filter_expects(c, x->class))
                        continue;
                held->cpu += x->n * x->class->requests.cpu;
                held->memory += x->n * x->class->requests.memory;
                held->ephemeral += x->n * x->class->requests.ephemeral;
                *pods += x->n;
        }
}

static int64_t extended_nominated(const PodClass *c, const SchedNode *n, const char *name) {
        int64_t held = 0;

        for (uint32_t i = 0; i < n->nominated.n_items; i++) {
                const SchedUse *x = &n->nominated.items[i];

                for (size_t k = 0; filter_expects(c, x->class) && k < x->class->n_extended; k++)
                        if (streq(x->class->extended[k].name, name))
                                held += x->n * x->class->extended[k].amount;
        }
        return held;
}

/* A pod that asks for none of a resource is not refused for want of it. */
static uint32_t lacking(const PodClass *c, const SchedNode *n) {
        Resources held = n->used;
        uint32_t pods = n->n_pods, lacks = 0;

        if (n->nominated.n_items > 0)
                add_nominated(c, n, &held, &pods);
        if (pods >= n->pods_max)
                lacks |= LACKS_PODS;
        if (c->requests.cpu > 0 && c->requests.cpu > n->allocatable.cpu - held.cpu)
                lacks |= LACKS_CPU;
        if (c->requests.memory > 0 && c->requests.memory > n->allocatable.memory - held.memory)
                lacks |= LACKS_MEMORY;
        if (c->requests.ephemeral > 0 && c->requests.ephemeral > n->allocatable.ephemeral - held.ephemeral)
                lacks |= LACKS_EPHEMERAL;
        for (size_t i = 0; i < c->n_extended; i++) {
                const char *name = c->extended[i].name;

                if (c->extended[i].amount > sched_node_extended(n, name) - sched_node_extended_used(n, name) - extended_nominated(c, n, name))
                        lacks |= LACKS_EXTENDED(i);
        }
        return lacks;
}

Verdict filter_dynamic(const PodClass *c, const SchedNode *n) {
        uint32_t lacks;

        if (c->n_ports > 0 && lacks_ports(c, n))
                return (Verdict) { .kind = FILTER_PORTS };
        lacks = lacking(c, n);
        return lacks > 0 ? (Verdict) { .kind = FILTER_RESOURCES, .detail = lacks } : (Verdict) {};
}
