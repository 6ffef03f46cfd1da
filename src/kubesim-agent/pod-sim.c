/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/pod-sim.h"

#include <string.h>

#include "basic/alloc-util.h"
#include "basic/log.h"

static int compare(const void *a, const void *b) {
        return strcmp(*(char* const*) a, *(char* const*) b);
}

static void free_names(char **names, size_t n) {
        for (size_t i = 0; i < n; i++)
                free(names[i]);
        free(names);
}

static void log_pod(const char *pod, const char *what) {
        log_struct(LOG_INFO, NULL, (LogField[]) { { "KUBESIM_POD", pod }, {} }, "Pod %s %s", pod, what);
}

/* Logs what is new and what is gone, both lists being sorted. 1 when anything is. */
static int log_difference(PodSim *s, char *const *names, size_t n) {
        size_t i = 0, k = 0;
        int changed = 0;

        while (i < s->n_pods || k < n) {
                int c = i == s->n_pods ? 1 : k == n ? -1 : strcmp(s->pods[i], names[k]);

                if (c < 0) {
                        log_pod(s->pods[i], "stopped");
                        s->n_stopped++;
                        i++;
                } else if (c > 0) {
                        log_pod(names[k], "started");
                        s->n_started++;
                        k++;
                } else
                        i++, k++;
                changed |= c != 0;
        }
        return changed;
}

int pod_sim_apply(PodSim *s, char *const *names, size_t n) {
        char **copy = NULL;
        int changed;

        if (n > 0) {
                copy = new0(char*, n);
                if (!copy)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < n; i++) {
                copy[i] = strdup(names[i]);
                if (!copy[i]) {
                        free_names(copy, i);
                        return -ENOMEM;
                }
        }
        if (n > 0)
                qsort(copy, n, sizeof(char*), compare);
        changed = log_difference(s, copy, n);
        free_names(s->pods, s->n_pods);
        s->pods = copy;
        s->n_pods = n;
        return changed;
}

void pod_sim_done(PodSim *s) {
        free_names(s->pods, s->n_pods);
        *s = (PodSim) {};
}
