/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pods that wait for a node, by class. Those of one class wait as one, the oldest first: where one does not fit, none does. A queue is
 * active (to be tried), blocked (until something happens to a node that could help) or, after it has been woken, backing off.
 * Kubernetes documentation, "Kubernetes Scheduler"; kube-scheduler, backend/queue: the pods of a class here are one entry there. */

#include "basic/list.h"
#include "basic/treap.h"
#include "core/control/timer.h"
#include "core/model/pod-class.h"
#include "core/sched/pending-queue.h"
#include "core/sched/scheduler.h"

typedef struct ClassQueue {
        ListLink link;       /* in ClassQueues.all */
        TreapNode in_active; /* in ClassQueues.active */
        PodClass *class;     /* a reference */
        PendingQueue pods;
        bool active;
        unsigned attempts;   /* that have failed since one succeeded */
        usec_t not_before;   /* it backs off until then */
        Timer backoff;       /* while it waits for that; of a gang also for when it is given up */
        size_t n_looked_at;  /* nodes, to be ready for it, since it was last */
        uint64_t blocked_at; /* Scheduler.n_changes then */
        char *message;       /* why, in kube-scheduler's words; owned, NULL while it has not been tried */
} ClassQueue;

typedef struct ClassQueues {
        ListLink all;
        Treap active;        /* by priority, then by the age of the oldest pod */
        size_t n_pods;
        uint64_t looked_at;  /* Scheduler.n_changes when blocked ones were looked through last */
} ClassQueues;

void class_queues_init(ClassQueues *q);
/* Forgets all queues; the pods in them are left alone. */
void class_queues_done(ClassQueues *q);
/* The queue of that class, made when there is none. -ENOMEM. */
int class_queue_ensure(ClassQueues *q, PodClass *class, ClassQueue **ret);
/* NULL when no pod of that class waits. */
ClassQueue *class_queue_find(const PodClass *class);
/* Frees it when no pod is in it any more. */
void class_queue_drop_if_empty(ClassQueues *q, ClassQueue *queue);
void class_queue_add(ClassQueues *q, ClassQueue *queue, PendingEntry *e);
void class_queue_remove(ClassQueues *q, ClassQueue *queue, PendingEntry *e);

/* The one to try next, or NULL. */
ClassQueue *class_queues_next(const ClassQueues *q);
void class_queue_activate(ClassQueues *q, ClassQueue *queue);
/* It was tried, and the oldest of its pods does not fit. message is copied. */
void class_queue_block(ClassQueues *q, ClassQueue *queue, const Scheduler *s, const char *message);
/* Has something happened since that could help? */
bool class_queue_is_helped(const ClassQueue *queue, const Scheduler *s);
