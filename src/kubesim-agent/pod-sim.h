/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The pods that this node runs: exactly those that the server's last answer named. */

#include "basic/macro.h"

typedef struct PodSim {
        char **pods; /* owned names, sorted */
        size_t n_pods;
        uint64_t n_started, n_stopped;
} PodSim;

/* Starts and stops so that exactly these run; names are copied. 1 when that changed anything, 0 when not, -ENOMEM. */
int pod_sim_apply(PodSim *s, char *const *names, size_t n);
void pod_sim_done(PodSim *s);
