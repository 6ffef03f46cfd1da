/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* --wait: asks again until a thing is as it should be, shows what it is meanwhile, gives up at the deadline. */

#include "kubesimctl/ctl.h"

typedef struct WaitFor {
        const char *kind;   /* "nodes" or "pods" */
        const char *id;
        const char *member; /* of the object, e.g. "Status" */
        const char *value;  /* that it should have; NULL: the object should be gone */
} WaitFor;

/* 0, CTL_TIMED_OUT or another exit code. */
int ctl_wait(const Ctl *ctl, const WaitFor *w);
