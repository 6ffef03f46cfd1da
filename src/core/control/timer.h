/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is to happen at a time: an item of Cluster.timers that knows what it is part of (run_timers() in cluster.c). */

#include "basic/prioq.h"

typedef enum TimerType {
        TIMER_BEAT,     /* of a virtual node */
        TIMER_POD_END,  /* a running pod's duration is over */
        TIMER_SETTLE, /* pods of a lost or tainted node have been patient enough, or a node's health has changed */
        TIMER_FAULT_END, /* an injected fault's time is up */
        TIMER_LOOK,     /* a controller is to look at its object again */
        TIMER_BACKOFF,  /* a class of pods that found no node may try again */
} TimerType;

typedef struct Timer {
        PrioqItem item; /* its tag: a TimerType */
} Timer;
