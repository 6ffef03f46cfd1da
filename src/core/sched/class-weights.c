/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/class-weights.h"

#include "basic/alloc-util.h"

#define SLOTS_MAX (64 * 1024) /* classes that are gone are forgotten when it is reached */

void class_weights_done(ClassWeights *w) {
        free(w->ids);
        free(w->weights);
        *w = (ClassWeights) {};
}

static size_t slot_of(const ClassWeights *w, uint64_t id) {
        size_t i = (size_t) (id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & (w->n_slots - 1);

        while (w->ids[i] != 0 && w->ids[i] != id)
                i = (i + 1) & (w->n_slots - 1);
        return i;
}

static int grow(ClassWeights *w) {
        ClassWeights new = { .n_slots = w->n_slots > 0 ? w->n_slots * 2 : 16, .n_counters = w->n_counters };

        if (w->n_slots > 0 && w->n_used * 2 < w->n_slots)
                return 0;
        new.n_slots = MIN(new.n_slots, (size_t) SLOTS_MAX);
        new.ids = new0(uint64_t, new.n_slots);
        new.weights = new0(int64_t, new.n_slots * w->n_counters);
        if (!new.ids || !new.weights) {
                class_weights_done(&new);
                return -ENOMEM;
        }
        for (size_t i = 0; i < w->n_slots && w->n_slots < SLOTS_MAX; i++) {
                size_t k;

                if (w->ids[i] == 0)
                        continue;
                k = slot_of(&new, w->ids[i]);
                new.ids[k] = w->ids[i];
                memcpy(new.weights + k * w->n_counters, w->weights + i * w->n_counters, w->n_counters * sizeof(int64_t));
                new.n_used++;
        }
        class_weights_done(w);
        *w = new;
        return 0;
}

int class_weights_get(ClassWeights *w, const Counter *counters, size_t n_counters, const PodClass *own, const PodClass *other,
                      const NamespaceLabels *namespaces, const int64_t **ret) {
        int64_t *weights;
        size_t i;

        w->n_counters = n_counters;
        if (grow(w) < 0)
                return -ENOMEM;
        i = slot_of(w, other->id);
        weights = w->weights + i * n_counters;
        if (w->ids[i] == 0) {
                w->ids[i] = other->id;
                w->n_used++;
                for (size_t k = 0; k < n_counters; k++)
                        weights[k] = counter_weight(&counters[k], own, other, namespaces);
        }
        *ret = weights;
        return 0;
}
