/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/sched-node.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

static SchedUse *find_use(const SchedUses *u, const PodClass *class) {
        for (uint32_t i = 0; i < u->n_items; i++)
                if (u->items[i].class == class)
                        return &u->items[i];
        return NULL;
}

static int reserve(SchedUses *u) {
        SchedUse *items;
        uint32_t n;

        if (u->n_items < u->allocated)
                return 0;
        n = u->allocated + u->allocated / 2 + 2;
        items = realloc(u->items, n * sizeof(SchedUse));
        if (!items)
                return -ENOMEM;
        u->items = items;
        u->allocated = n;
        return 0;
}

static void use_add(SchedUses *u, PodClass *class, bool ending) {
        SchedUse *x = find_use(u, class);

        if (!x) {
                assert(u->n_items < u->allocated);
                x = &u->items[u->n_items++];
                *x = (SchedUse) { .class = pod_class_ref(class) };
        }
        x->n++;
        x->n_ending += ending;
}

static void use_remove(SchedUses *u, PodClass *class, bool ending) {
        SchedUse *x = find_use(u, class);

        assert(x && x->n > 0);
        x->n--;
        x->n_ending -= ending;
        if (x->n > 0)
                return;
        *x = u->items[--u->n_items];
        pod_class_unref(class);
}

int sched_node_reserve(SchedNode *n) {
        return reserve(&n->uses);
}

static void hold(SchedNode *n, const PodClass *class, int64_t cpu, int sign) {
        n->n_pods += (uint32_t) sign;
        n->used.cpu += sign * (class ? class->requests.cpu : cpu);
        n->counted_cpu += sign * (class ? class->counted_cpu : cpu > 0 ? cpu : RESOURCES_DEFAULT_CPU);
        n->counted_memory += sign * (class ? class->counted_memory : RESOURCES_DEFAULT_MEMORY);
        if (!class)
                return;
        n->used.memory += sign * class->requests.memory;
        n->used.ephemeral += sign * class->requests.ephemeral;
}

void sched_node_attach(SchedNode *n, PodClass *class, int64_t cpu, bool ending) {
        hold(n, class, cpu, 1);
        if (class)
                use_add(&n->uses, class, ending);
}

void sched_node_detach(SchedNode *n, PodClass *class, int64_t cpu, bool ending) {
        hold(n, class, cpu, -1);
        if (class)
                use_remove(&n->uses, class, ending);
}

void sched_node_set_ending(SchedNode *n, PodClass *class, bool ending) {
        SchedUse *x = class ? find_use(&n->uses, class) : NULL;

        if (x)
                x->n_ending += ending ? 1 : UINT32_MAX; /* or one less */
}

int sched_node_nominate(SchedNode *n, PodClass *class) {
        int r;

        r = reserve(&n->nominated);
        if (r < 0)
                return r;
        use_add(&n->nominated, class, false);
        class->n_nominated++;
        return 0;
}

void sched_node_unnominate(SchedNode *n, PodClass *class) {
        if (!find_use(&n->nominated, class))
                return;
        class->n_nominated--;
        use_remove(&n->nominated, class, false);
}

int64_t sched_node_promised(const SchedNode *n, int32_t priority, uint32_t *pods) {
        int64_t cpu = 0;

        for (uint32_t i = 0; i < n->nominated.n_items; i++) {
                const SchedUse *x = &n->nominated.items[i];

                if (x->class->priority < priority)
                        continue;
                cpu += x->n * x->class->requests.cpu;
                *pods += x->n;
        }
        return cpu;
}

void sched_node_update(SchedNode *n, const Node *node, NodeClass *class, bool open, int64_t pods_max) {
        n->node = node;
        n->open = open;
        n->allocatable = (Resources) {
                .cpu = class->cpu >= 0 ? MIN(class->cpu, node->cpu) : node->cpu,
                .memory = node_memory(class, node->cpu),
                .ephemeral = node_ephemeral(class),
        };
        n->pods_max = class->pods >= 0 ? MIN(class->pods, pods_max) : pods_max;
        if (n->class != class) {
                node_class_unref(n->class);
                n->class = node_class_ref(class);
        }
}

static int copy_uses(const SchedUses *u, SchedUses *ret) {
        *ret = (SchedUses) {};
        if (u->n_items == 0)
                return 0;
        ret->items = new0(SchedUse, u->n_items);
        if (!ret->items)
                return -ENOMEM;
        ret->n_items = ret->allocated = u->n_items;
        for (uint32_t i = 0; i < u->n_items; i++) {
                ret->items[i] = u->items[i];
                pod_class_ref(u->items[i].class);
        }
        return 0;
}

static void count_nominated(const SchedNode *n, int sign) {
        for (uint32_t i = 0; i < n->nominated.n_items; i++)
                n->nominated.items[i].class->n_nominated += (uint32_t) sign * n->nominated.items[i].n;
}

static void uses_done(SchedUses *u) {
        for (uint32_t i = 0; i < u->n_items; i++)
                pod_class_unref(u->items[i].class);
        free(u->items);
        *u = (SchedUses) {};
}

int sched_node_copy(const SchedNode *n, SchedNode *ret) {
        SchedNode copy = *n;
        int r;

        copy.uses = copy.nominated = (SchedUses) {};
        r = copy_uses(&n->uses, &copy.uses);
        if (r >= 0)
                r = copy_uses(&n->nominated, &copy.nominated);
        if (r < 0) {
                uses_done(&copy.uses);
                return r;
        }
        count_nominated(&copy, 1);
        copy.class = node_class_ref(n->class);
        copy.slot = SIZE_MAX;
        *ret = copy;
        return 0;
}

void sched_node_done(SchedNode *n) {
        count_nominated(n, -1);
        uses_done(&n->uses);
        uses_done(&n->nominated);
        n->class = node_class_unref(n->class);
}

int64_t sched_node_extended(const SchedNode *n, const char *name) {
        for (size_t i = 0; i < n->class->n_extended; i++)
                if (streq(n->class->extended[i].name, name))
                        return n->class->extended[i].amount;
        return 0;
}

int64_t sched_node_extended_used(const SchedNode *n, const char *name) {
        int64_t used = 0;

        for (uint32_t i = 0; i < n->uses.n_items; i++) {
                const PodClass *c = n->uses.items[i].class;

                for (size_t k = 0; k < c->n_extended; k++)
                        if (streq(c->extended[k].name, name))
                                used += n->uses.items[i].n * c->extended[k].amount;
        }
        return used;
}
