/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/class-queue.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

static uint64_t oldest(const ClassQueue *q) {
        const PendingEntry *e = pending_queue_first(&q->pods);

        return e ? e->order : UINT64_MAX;
}

static int compare_queues(const TreapNode *a, const TreapNode *b) {
        const ClassQueue *x = container_of(a, ClassQueue, in_active), *y = container_of(b, ClassQueue, in_active);

        return CMP(y->class->priority, x->class->priority) ?: CMP(oldest(x), oldest(y)) ?: CMP(x->class->id, y->class->id);
}

void class_queues_init(ClassQueues *q) {
        *q = (ClassQueues) {};
        list_init(&q->all);
        treap_init(&q->active, compare_queues);
}

static void queue_free(ClassQueue *queue) {
        list_remove(&queue->link);
        queue->class->queue = NULL;
        pod_class_unref(queue->class);
        free(queue->message);
        free(queue);
}

void class_queues_done(ClassQueues *q) {
        ListLink *l;

        while ((l = list_first(&q->all)))
                queue_free(container_of(l, ClassQueue, link));
}

ClassQueue *class_queue_find(const PodClass *class) {
        return class->queue;
}

int class_queue_ensure(ClassQueues *q, PodClass *class, ClassQueue **ret) {
        ClassQueue *queue = class->queue;

        if (!queue) {
                queue = new0(ClassQueue, 1);
                if (!queue)
                        return -ENOMEM;
                queue->class = pod_class_ref(class);
                queue->backoff = (Timer) { .item.index = PRIOQ_NONE, .item.tag = TIMER_BACKOFF };
                pending_queue_init(&queue->pods);
                list_append(&q->all, &queue->link);
                class->queue = queue;
        }
        *ret = queue;
        return 0;
}

static void deactivate(ClassQueues *q, ClassQueue *queue) {
        if (queue->active)
                treap_remove(&q->active, &queue->in_active);
        queue->active = false;
}

void class_queue_activate(ClassQueues *q, ClassQueue *queue) {
        if (queue->active || pending_queue_size(&queue->pods) == 0)
                return;
        treap_insert(&q->active, &queue->in_active);
        queue->active = true;
}

void class_queue_drop_if_empty(ClassQueues *q, ClassQueue *queue) {
        if (pending_queue_size(&queue->pods) > 0)
                return;
        assert(queue->backoff.item.index == PRIOQ_NONE); /* the owner has taken it out */
        deactivate(q, queue);
        queue_free(queue);
}

/* Takes the queue out of the order while its oldest pod may change. */
void class_queue_add(ClassQueues *q, ClassQueue *queue, PendingEntry *e) {
        bool active = queue->active || pending_queue_size(&queue->pods) == 0;

        deactivate(q, queue);
        (void) pending_queue_add(&queue->pods, e);
        q->n_pods++;
        if (active)
                class_queue_activate(q, queue);
}

void class_queue_remove(ClassQueues *q, ClassQueue *queue, PendingEntry *e) {
        bool active = queue->active;

        deactivate(q, queue);
        pending_queue_remove(&queue->pods, e);
        q->n_pods--;
        if (active)
                class_queue_activate(q, queue);
}

ClassQueue *class_queues_next(const ClassQueues *q) {
        TreapNode *n = treap_first(&q->active);

        return n ? container_of(n, ClassQueue, in_active) : NULL;
}

void class_queue_block(ClassQueues *q, ClassQueue *queue, const Scheduler *s, const char *message) {
        char *copy = message ? strdup(message) : NULL;

        if (copy) {
                free(queue->message);
                queue->message = copy;
        }
        deactivate(q, queue);
        queue->blocked_at = s->n_changes;
}

/* Does it matter to pods of that class which pods are on other nodes? */
static bool looks_at_pods(const PodClass *c) {
        return c->n_spread > 0 || c->n_affinity > 0 || c->n_anti_affinity > 0;
}

bool class_queue_is_helped(const ClassQueue *queue, const Scheduler *s) {
        if (s->last_event[SCHED_EVENT_NODE] > queue->blocked_at || s->last_event[SCHED_EVENT_POD_GONE] > queue->blocked_at)
                return true;
        return looks_at_pods(queue->class) && s->last_event[SCHED_EVENT_POD_CAME] > queue->blocked_at;
}
