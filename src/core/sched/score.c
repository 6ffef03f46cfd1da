/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/score.h"

#include "basic/string-util.h"

#define IMAGE_LEAST (INT64_C(23) * 1024 * 1024)
#define IMAGE_MOST (INT64_C(1000) * 1024 * 1024)

static const struct {
        const char *name;
        int64_t weight;
} plugins[_SCORE_PLUGIN_MAX] = {
        [SCORE_FIT] = { "NodeResourcesFit", 1 },
        [SCORE_BALANCED] = { "NodeResourcesBalancedAllocation", 1 },
        [SCORE_IMAGES] = { "ImageLocality", 1 },
        [SCORE_TAINTS] = { "TaintToleration", 3 },
        [SCORE_AFFINITY] = { "NodeAffinity", 2 },
        [SCORE_SPREAD] = { "PodTopologySpread", 2 },
        [SCORE_PREFERENCE] = { "InterPodAffinity", 2 },
};

const char *score_plugin_name(ScorePlugin p) {
        assert(p < _SCORE_PLUGIN_MAX);
        return plugins[p].name;
}

int64_t score_plugin_weight(ScorePlugin p) {
        assert(p < _SCORE_PLUGIN_MAX);
        return plugins[p].weight;
}

/* Percent of the whole that is free, or used; what is beyond the whole counts as nothing. */
static int64_t share(int64_t part, int64_t whole) {
        if (whole <= 0 || part < 0 || part > whole)
                return 0;
        return (int64_t) ((__int128) part * SCORE_MAX / whole);
}

/* Over the resources that the node has any of: others do not count (leastResourceScorer). */
static int64_t mean(const SchedNode *n, int64_t cpu, int64_t memory) {
        int resources = (n->allocatable.cpu > 0) + (n->allocatable.memory > 0);

        return resources > 0 ? (cpu + memory) / resources : 0;
}

int64_t score_least_allocated(const PodClass *c, const SchedNode *n) {
        int64_t cpu = n->allocatable.cpu - n->counted_cpu - c->counted_cpu, memory = n->allocatable.memory - n->counted_memory - c->counted_memory;

        return mean(n, share(cpu, n->allocatable.cpu), share(memory, n->allocatable.memory));
}

/* Of CPU and memory, with the pod; more than all (pods that do not ask are counted with the defaults) is all. */
static void used_shares(const PodClass *c, const SchedNode *n, int64_t *ret_cpu, int64_t *ret_memory) {
        *ret_cpu = share(MIN(n->counted_cpu + c->counted_cpu, n->allocatable.cpu), n->allocatable.cpu);
        *ret_memory = share(MIN(n->counted_memory + c->counted_memory, n->allocatable.memory), n->allocatable.memory);
}

int64_t score_most_allocated(const PodClass *c, const SchedNode *n) {
        int64_t cpu, memory;

        used_shares(c, n, &cpu, &memory);
        return mean(n, cpu, memory);
}

/* The default shape of kube-scheduler's example: a line from nothing used (0) to all used (10 of 10). The mean is rounded, and of what
 * has points alone. */
int64_t score_capacity_ratio(const PodClass *c, const SchedNode *n) {
        int64_t cpu, memory;

        used_shares(c, n, &cpu, &memory);
        return cpu > 0 && memory > 0 ? (cpu + memory + 1) / 2 : cpu + memory;
}

static double fraction(int64_t part, int64_t whole) {
        return part >= whole ? 1 : (double) part / (double) whole;
}

int64_t score_balanced(const PodClass *c, const SchedNode *n) {
        double cpu, memory, difference;

        if (c->requests.cpu == 0 && c->requests.memory == 0)
                return 0;
        if (n->allocatable.cpu <= 0 || n->allocatable.memory <= 0)
                return SCORE_MAX; /* one alone is alike */
        cpu = fraction(n->used.cpu + c->requests.cpu, n->allocatable.cpu);
        memory = fraction(n->used.memory + c->requests.memory, n->allocatable.memory);
        difference = cpu > memory ? cpu - memory : memory - cpu;
        return (int64_t) ((1 - difference / 2) * SCORE_MAX);
}

/* "nginx" is "nginx:latest". */
static bool is_image(const char *image, const char *name) {
        const char *slash = strrchr(image, '/'), *rest = startswith(name, image);

        if (!rest)
                return false;
        return *rest == '\0' || (!strchr(slash ?: image, ':') && streq(rest, ":latest"));
}

int64_t score_image_locality(const PodClass *c, const SchedNode *n, size_t n_nodes, size_t (*nodes_with)(const char *image, void *userdata),
                             void *userdata) {
        int64_t sum = 0, most = IMAGE_MOST * (int64_t) MAX(c->n_images, (size_t) 1);

        if (n->class->n_images == 0 || n_nodes == 0)
                return 0;
        for (size_t i = 0; i < c->n_images; i++)
                for (size_t k = 0; k < n->class->n_images; k++) {
                        const NodeImage *image = &n->class->images[k];

                        if (!is_image(c->images[i], image->name))
                                continue;
                        sum += (int64_t) ((double) image->size * ((double) nodes_with(image->name, userdata) / (double) n_nodes));
                        break;
                }
        sum = MIN(sum, most);
        sum = MAX(sum, IMAGE_LEAST);
        return SCORE_MAX * (sum - IMAGE_LEAST) / (most - IMAGE_LEAST);
}

int64_t score_taints(const PodClass *c, const SchedNode *n) {
        int64_t untolerated = 0;

        for (size_t i = 0; i < n->class->n_taints; i++) {
                const Taint *t = &n->class->taints[i];

                untolerated += t->effect == TAINT_PREFER_NO_SCHEDULE && pod_class_tolerates(c, t->key, t->value, t->effect) == 0;
        }
        return untolerated;
}

int64_t score_node_affinity(const PodClass *c, const SchedNode *n) {
        int64_t sum = 0;

        for (size_t i = 0; i < c->n_preferred; i++)
                if (requirements_hold(&c->preferred[i].requirements, node_label_of, n->node))
                        sum += c->preferred[i].weight;
        return sum;
}
