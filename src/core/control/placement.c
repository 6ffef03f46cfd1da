/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/placement.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/gang.h"
#include "core/control/pods.h"
#include "core/control/preemption.h"
#include "core/control/turn.h"

#define MESSAGE_MAX (4 * KIB)
#define TOLD_MAX 256 /* of a queue, in a turn */

/* --- Choosing --- */

const SchedAlgorithm *placement_algorithm(const Cluster *c, const Pod *p) {
        const SchedAlgorithm *own = p->class && p->class->algorithm ? sched_algorithm_find(p->class->algorithm) : NULL;

        return own ?: c->algorithm;
}

/* Can the index alone say where it goes? Not if room is kept for a pod of its own class, which the index keeps from that, too. */
static bool is_for_index(const Cluster *c, const Pod *p) {
        if (!c->algorithm->choose)
                return false;
        return !p->class || (p->class->simple && p->class->n_nominated == 0 && c->scheduler.classes.n_anti == 0);
}

int placement_native_class(PodClassPool *pool, int64_t cpu, PodClass **ret) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(64 * KIB);
        Json *document = json_new(&a, JSON_OBJECT), *container = json_new(&a, JSON_OBJECT);
        char quantity[32];

        (void) snprintf(quantity, sizeof(quantity), "%lldm", (long long) cpu);
        json_set_string(&a, json_ensure(&a, json_ensure(&a, container, "resources", JSON_OBJECT), "requests", JSON_OBJECT), "cpu", quantity);
        json_append(json_ensure(&a, json_ensure(&a, document, "spec", JSON_OBJECT), "containers", JSON_ARRAY), container);
        if (json_arena_error(&a) < 0)
                return json_arena_error(&a);
        return pod_class_of(pool, NAMESPACE_DEFAULT, document, ret, NULL);
}

static int class_of(Cluster *c, const Pod *p, PodClass **ret) {
        if (!p->class)
                return placement_native_class(&c->scheduler.classes, p->cpu, ret);
        *ret = pod_class_ref(p->class);
        return 0;
}

static int choose_by_class(Cluster *c, const Pod *p, NodeState **ret) {
        _cleanup_(pod_class_unrefp) PodClass *class = NULL;
        SchedNode *node;
        int r;

        r = class_of(c, p, &class);
        if (r >= 0)
                r = scheduler_choose(&c->scheduler, class, placement_algorithm(c, p), &node);
        if (r <= 0)
                return r;
        *ret = container_of(node, NodeState, sched);
        return 1;
}

int placement_try(Cluster *c, const Pod *p, NodeState **ret) {
        NodeIndexEntry *e;

        if (!is_for_index(c, p))
                return choose_by_class(c, p, ret);
        e = c->algorithm->choose(&c->index, p->cpu);
        if (e)
                *ret = container_of(e, NodeState, index);
        return e != NULL;
}

void placement_count(Cluster *c, const Pod *p, bool placed) {
        c->stats.n_placed += placed;
        c->stats.n_unplaced += !placed;
        if (placed && p->class)
                scheduler_placed(&c->scheduler, p->class);
}

int placement_choose(Cluster *c, const Pod *p, NodeState **ret) {
        int r = placement_try(c, p, ret);

        if (r >= 0)
                placement_count(c, p, r > 0);
        return r;
}

bool placement_is_ready(const Cluster *c, const Pod *p, uint64_t own) {
        return !p->class || is_for_index(c, p) || scheduler_is_ready(&c->scheduler, p->class, placement_algorithm(c, p), turn_nodes(c), own);
}

int placement_choose_soon(Cluster *c, const Pod *p, NodeState **ret) {
        if (placement_is_ready(c, p, 0))
                return placement_choose(c, p, ret);
        c->placing = true;
        return -EAGAIN;
}

bool placement_has_room(const Cluster *c, const NodeState *ns, const Pod *p) {
        if (p->class)
                return filter_dynamic(p->class, &ns->sched).kind == FILTER_FITS;
        return ns->sched.allocatable.cpu - ns->sched.used.cpu >= p->cpu && ns->sched.n_pods < c->config.pods_per_node_max;
}

/* --- Why not --- */

static void put_native_reason(const Cluster *c, const Pod *p, StrBuf *b) {
        int64_t most = node_index_max_free(&c->index);

        if (c->stats.nodes_by_health[NODE_HEALTHY] == 0)
                strbuf_puts(b, "there is no healthy node");
        else if (most == NODE_INDEX_CLOSED)
                strbuf_puts(b, "no healthy node takes another pod");
        else {
                strbuf_puts(b, "no node has ");
                json_put_milli(b, p->cpu);
                strbuf_puts(b, " CPU free, the most is ");
                json_put_milli(b, most);
        }
}

int placement_put_reason(Cluster *c, const Pod *p, StrBuf *b) {
        ClassOrder *o;
        int r;

        r = scheduler_order(&c->scheduler, p->class, placement_algorithm(c, p), &o);
        if (r < 0)
                return r;
        (void) class_order_judge(o);
        class_order_put_message(o, b);
        if (!p->class->gang.name && !preemption_is_possible(c, p->class)) /* a gang sends nobody away */
                preemption_put_impossible(o, b);
        return 0;
}

int placement_explain(Cluster *c, Pod *p) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MESSAGE_MAX);
        int r;

        if (!p->class)
                put_native_reason(c, p, &b);
        else {
                r = placement_put_reason(c, p, &b);
                if (r < 0)
                        return r;
        }
        return pod_set_reason(p, strbuf_str(&b));
}

bool placement_must_wait(const Pod *p) {
        return p->class && (p->class->gang.name || class_queue_find(p->class));
}

/* --- The queues --- */

void placement_backoff_is_over(Cluster *c, ClassQueue *queue) {
        prioq_remove(&c->timers, &queue->backoff.item);
        class_queue_activate(&c->queues, queue);
}

int placement_enqueue(Cluster *c, PodState *ps, const Pod *p) {
        _cleanup_free_ PodWait *w = new0(PodWait, 1);
        int r;

        if (!w)
                return -ENOMEM;
        *w = (PodWait) { .entry = { .cpu = p->cpu, .order = p->object.id }, .pod = ps, .since = c->now };
        if (!p->class)
                r = pending_queue_add(&c->pending, &w->entry);
        else {
                r = class_queue_ensure(&c->queues, p->class, &w->queue);
                if (r >= 0)
                        class_queue_add(&c->queues, w->queue, &w->entry);
                if (r >= 0 && p->class->gang.name)
                        placement_backoff_is_over(c, w->queue); /* it may be the one that the others wait for */
        }
        if (r >= 0)
                ps->wait = TAKE_PTR(w);
        return r;
}

PodWait *placement_dequeue(Cluster *c, PodWait *w) {
        ClassQueue *queue = w->queue;

        if (!queue) {
                pending_queue_remove(&c->pending, &w->entry);
                return mfree(w);
        }
        class_queue_remove(&c->queues, queue, &w->entry);
        if (pending_queue_size(&queue->pods) == 0)
                prioq_remove(&c->timers, &queue->backoff.item);
        class_queue_drop_if_empty(&c->queues, queue);
        return mfree(w);
}

static void forget_waits(PendingQueue *q) {
        PendingEntry *e;

        while ((e = pending_queue_first(q))) {
                pending_queue_remove(q, e);
                free(container_of(e, PodWait, entry));
        }
}

void placement_forget(Cluster *c) {
        ClassQueue *queue;

        LIST_FOREACH(queue, &c->queues.all, ClassQueue, link)
                forget_waits(&queue->pods);
        class_queues_done(&c->queues);
        gang_forget(c);
        forget_waits(&c->pending);
}

void placement_retry_all(Cluster *c) {
        ClassQueue *queue;

        LIST_FOREACH(queue, &c->queues.all, ClassQueue, link)
                placement_backoff_is_over(c, queue);
}

/* The timer of a gang may also stand for the end of its patience, which is later. */
static bool backs_off(const ClassQueue *queue) {
        return queue->backoff.item.index != PRIOQ_NONE && queue->backoff.item.when <= queue->not_before;
}

/* Blocked classes that something has happened for are tried again, once they have backed off for long enough. */
static int wake_queues(Cluster *c) {
        ClassQueue *queue;
        int r;

        if (c->queues.looked_at == c->scheduler.n_changes)
                return 0;
        LIST_FOREACH(queue, &c->queues.all, ClassQueue, link) {
                if (queue->active || backs_off(queue) || !class_queue_is_helped(queue, &c->scheduler))
                        continue;
                if (c->now >= queue->not_before) {
                        class_queue_activate(&c->queues, queue);
                        continue;
                }
                r = prioq_set(&c->timers, &queue->backoff.item, queue->not_before);
                if (r < 0)
                        return r;
        }
        c->queues.looked_at = c->scheduler.n_changes;
        return 0;
}

void placement_count_wait(Cluster *c, usec_t waited) {
        unsigned i = 0;

        while (i < ELEMENTSOF(c->stats.wait_histogram) - 1 && waited >= (USEC_PER_MSEC << i))
                i++;
        c->stats.wait_histogram[i]++;
        c->stats.wait_usec += waited;
}

int placement_bind(Cluster *c, PodState *ps, NodeState *ns) {
        usec_t waited = c->now - ps->wait->since;
        Pod *p;
        int r;

        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        p->status = POD_PENDING;
        r = pod_bind(p, ns);
        if (r >= 0)
                r = pod_set_reason(p, NULL);
        if (r >= 0)
                r = pod_set_nominated(p, NULL);
        if (r < 0) {
                pod_unref(p);
                return r;
        }
        r = cluster_put(c, &p->object);
        if (r < 0)
                return r;
        placement_count_wait(c, waited);
        cluster_event(c, EVENT_POD_PLACED, node_of(ns)->object.name, pod_of(ps)->object.name, NULL);
        return 0;
}

/* 1 when it has found a node. */
static int place(Cluster *c, PodState *ps) {
        NodeState *ns;
        int r;

        r = placement_choose(c, pod_of(ps), &ns);
        if (r <= 0)
                return r;
        r = placement_bind(c, ps, ns);
        return r < 0 ? r : 1;
}

static PodState *waiting(PendingEntry *e) {
        return container_of(e, PodWait, entry)->pod;
}

/* The pod says why it waits. */
static int tell_reason(Cluster *c, PodState *ps, const char *message) {
        Pod *p;
        int r;

        if (streq_ptr(pod_of(ps)->reason, message))
                return 0;
        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        r = pod_set_reason(p, message);
        if (r < 0) {
                pod_unref(p);
                return r;
        }
        r = cluster_put(c, &p->object);
        if (r >= 0)
                cluster_event(c, EVENT_POD_PENDING, NULL, pod_of(ps)->object.name, message);
        return r;
}

static usec_t backoff_span(const Cluster *c, unsigned attempts) {
        usec_t span = c->config.backoff_initial_usec;

        while (--attempts > 0 && span < c->config.backoff_max_usec)
                span *= 2;
        return MIN(span, c->config.backoff_max_usec);
}

static void back_off(Cluster *c, ClassQueue *queue, const char *message) {
        queue->attempts++;
        queue->not_before = usec_add(c->now, backoff_span(c, queue->attempts));
        class_queue_block(&c->queues, queue, &c->scheduler, message);
}

bool placement_has_been_tried(Cluster *c, const Pod *p) {
        ClassQueue *queue = class_queue_find(p->class);

        if (p->class->gang.name || preemption_is_possible(c, p->class) || !queue || !p->reason)
                return false;
        if (queue->active && pending_queue_size(&queue->pods) == 1)
                back_off(c, queue, p->reason);
        return !queue->active;
}

/* All members of a gang say that it was given up; until then its queue is looked at when that is due. */
static int follow_patience(Cluster *c, ClassQueue *queue, usec_t until, const char *message) {
        int r = 0;

        if (until > c->now)
                return prioq_set(&c->timers, &queue->backoff.item, until);
        for (PendingEntry *e = pending_queue_first(&queue->pods); e && r >= 0; e = pending_queue_next(e))
                r = tell_reason(c, waiting(e), message);
        return r;
}

/* Those of its queue that came before anything was known of why they wait. All of a gang's wait for the same, and say so; others keep what
 * they were told when they came. No more than a turn may take: further ones are told when the class is looked at again. */
static int tell_queue(Cluster *c, ClassQueue *queue, const char *message) {
        unsigned n = 0;
        int r = 0;

        for (PendingEntry *e = pending_queue_first(&queue->pods); e && n < TOLD_MAX && r >= 0; e = pending_queue_next(e), n++)
                if (queue->class->gang.name || !pod_of(waiting(e))->reason)
                        r = tell_reason(c, waiting(e), message);
        return r;
}

static int tell_others(Cluster *c, const PodClass *class, const char *message) {
        ClassQueue *queue = class_queue_find(class);
        PodClass *other;
        int r = 0;

        if (!class->gang.name)
                return queue ? tell_queue(c, queue, message) : 0;
        LIST_FOREACH(other, &c->scheduler.classes.with_gang, PodClass, in_gang) {
                queue = gang_is_same(other, class) ? class_queue_find(other) : NULL;
                r = queue ? tell_queue(c, queue, message) : 0;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The oldest of the class fits nowhere; message: what is known of why. */
static int block(Cluster *c, ClassQueue *queue, PodState *ps, StrBuf *message) {
        _cleanup_(pod_class_unrefp) PodClass *class = pod_class_ref(queue->class);
        usec_t until;
        int r;

        r = gang_is_waiting(c, pod_of(ps), message, &until);
        if (r == 0 && message->size == 0)
                r = placement_put_reason(c, pod_of(ps), message);
        if (r < 0)
                return r;
        back_off(c, queue, strbuf_str(message));
        r = follow_patience(c, queue, until, strbuf_str(message));
        if (r < 0)
                return r;
        if (!class->gang.name)
                r = preemption_is_possible(c, class) ? preempt(c, ps, message) : preemption_forget(c, ps);
        if (r >= 0)
                r = tell_reason(c, ps, strbuf_str(message));
        return r < 0 ? r : tell_others(c, class, strbuf_str(message));
}

int placement_prepare(Cluster *c, ClassQueue *queue, const Pod *p) {
        size_t some = turn_nodes(c);
        int r;

        if (is_for_index(c, p))
                return 0;
        r = scheduler_prepare(&c->scheduler, queue->class, placement_algorithm(c, p), queue->n_looked_at > 2 * c->scheduler.n_slots ? SIZE_MAX : some);
        queue->n_looked_at = r > 0 ? queue->n_looked_at + some : 0;
        return r;
}

/* As gang_place(), of one pod. */
static int place_next(Cluster *c, ClassQueue *queue) {
        PodState *ps = waiting(pending_queue_first(&queue->pods));
        int r;

        r = placement_prepare(c, queue, pod_of(ps));
        return r > 0 ? -EAGAIN : r < 0 ? r : place(c, ps);
}

static int try_queue(Cluster *c, ClassQueue *queue, Turn *turn) {
        _cleanup_(pod_class_unrefp) PodClass *class = pod_class_ref(queue->class);
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(MESSAGE_MAX);
        PodState *ps = waiting(pending_queue_first(&queue->pods));
        int r;

        r = class->gang.name ? gang_place(c, ps, &message) : place_next(c, queue);
        if (r == -EAGAIN)
                turn_end(turn);
        if (r < 0)
                return r == -EAGAIN ? 0 : r;
        if (r == 0)
                return block(c, queue, ps, &message);
        queue = class_queue_find(class);
        if (queue)
                queue->attempts = 0;
        return 0;
}

/* The oldest pod of the native API that fits somewhere, or NULL. */
static PendingEntry *next_native(Cluster *c) {
        int64_t most = node_index_max_free(&c->index);

        return most == NODE_INDEX_CLOSED ? NULL : pending_queue_first_fit(&c->pending, most);
}

static bool goes_first(const ClassQueue *queue, const PendingEntry *native) {
        if (!queue || !native)
                return queue;
        return queue->class->priority != 0 ? queue->class->priority > 0 : pending_queue_first(&queue->pods)->order < native->order;
}

/* One step: 1, or 0 when there is nothing left to try. */
static int schedule_next(Cluster *c, Turn *turn) {
        ClassQueue *queue = class_queues_next(&c->queues);
        PendingEntry *native = next_native(c);
        int r;

        if (goes_first(queue, native)) {
                r = try_queue(c, queue, turn);
                return r < 0 ? r : 1;
        }
        return native ? place(c, waiting(native)) : 0;
}

int pods_schedule(Cluster *c) {
        Turn turn = turn_begin(c);
        int r;

        do {
                r = wake_queues(c);
                while (r >= 0 && (r = schedule_next(c, &turn)) > 0 && turn_goes_on(&turn))
                        ;
        } while (r == 0 && c->queues.looked_at != c->scheduler.n_changes && c->queues.n_pods > 0);
        c->placing = r > 0;
        return r;
}

void pods_schedule_or_retry(Cluster *c) {
        if (!c->placing && pods_schedule(c) < 0)
                cluster_retry_soon(c);
}
