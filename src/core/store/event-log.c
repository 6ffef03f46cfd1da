/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/event-log.h"

#include "basic/alloc-util.h"

typedef struct ReasonRow {
        const char *name;
        bool warning;
        const char *node_text; /* follows "Node NAME "; of events that are about neither, the whole */
        const char *pod_text;  /* follows "Pod NAME " */
} ReasonRow;

static const ReasonRow reasons[_EVENT_REASON_MAX] = {
        [EVENT_NODE_REGISTERED] = { "NodeRegistered", false, "registered", NULL },
        [EVENT_NODE_HEALTHY] = { "NodeHealthy", false, "is healthy", NULL },
        [EVENT_NODE_UNHEALTHY] = { "NodeUnhealthy", true, "is unhealthy", NULL },
        [EVENT_NODE_STOPPED] = { "NodeStopped", false, "stopped", NULL },
        [EVENT_NODE_STARTING] = { "NodeStarting", false, "is starting", NULL },
        [EVENT_NODE_REMOVED] = { "NodeRemoved", true, "was removed", NULL },
        [EVENT_NODE_REFUSED] = { "NodeRefused", true, "was refused", NULL },
        [EVENT_NODE_CORDONED] = { "NodeCordoned", false, "takes no more pods", NULL },
        [EVENT_NODE_UNCORDONED] = { "NodeUncordoned", false, "takes pods again", NULL },
        [EVENT_POD_CREATED] = { "PodCreated", false, NULL, "was created" },
        [EVENT_POD_PLACED] = { "PodPlaced", false, NULL, "was placed on" },
        [EVENT_POD_BOUND] = { "PodBound", false, NULL, "was bound by its scheduler to" },
        [EVENT_POD_PENDING] = { "PodPending", true, NULL, "waits for a node" },
        [EVENT_POD_RUNNING] = { "PodRunning", false, NULL, "runs on" },
        [EVENT_POD_LOST] = { "PodLost", true, NULL, "is not ready for its node" },
        [EVENT_POD_EVICTED] = { "PodEvicted", false, NULL, "is evicted from" },
        [EVENT_POD_SPARED] = { "PodSpared", false, NULL, "is no longer to be evicted from" },
        [EVENT_POD_MOVED] = { "PodMoved", true, NULL, "was moved to" },
        [EVENT_POD_DISPLACED] = { "PodDisplaced", true, NULL, "waits for another node" },
        [EVENT_POD_RESTARTING] = { "PodRestarting", false, NULL, "is being restarted on" },
        [EVENT_POD_SUCCEEDED] = { "PodSucceeded", false, NULL, "succeeded on" },
        [EVENT_POD_FAILED] = { "PodFailed", true, NULL, "failed on" },
        [EVENT_POD_TERMINATING] = { "PodTerminating", false, NULL, "is being removed from" },
        [EVENT_POD_REMOVED] = { "PodRemoved", false, NULL, "was removed" },
        [EVENT_POD_PREEMPTED] = { "PodPreempted", false, NULL, "was preempted on" },
        [EVENT_POD_BACKOFF] = { "PodBackOff", true, NULL, "waits to be started again on" },
        [EVENT_SCHEDULER_CHANGED] = { "SchedulerChanged", false, "The scheduling algorithm was changed", NULL },
        [EVENT_NODES_ADDED] = { "NodesAdded", false, "Nodes were added", NULL },
        [EVENT_FAULT_INJECTED] = { "FaultInjected", true, "A fault was injected", NULL },
        [EVENT_FAULT_ENDED] = { "FaultEnded", false, "An injected fault is over", NULL },
};

const char *event_reason_to_string(EventReason r) {
        return reasons[r].name;
}

bool event_reason_is_warning(EventReason r) {
        return reasons[r].warning;
}

void event_message(const Event *e, StrBuf *b) {
        const ReasonRow *row = &reasons[e->reason];

        if (e->pod)
                strbuf_printf(b, "Pod %s %s%s%s", e->pod, row->pod_text, e->node ? " " : "", e->node ?: "");
        else if (e->node)
                strbuf_printf(b, "Node %s %s", e->node, row->node_text);
        else
                strbuf_puts(b, row->node_text);
        if (e->detail)
                strbuf_printf(b, ": %s", e->detail);
}

struct EventLog {
        Event **events; /* a ring; each event is one allocation with its strings behind it */
        size_t allocated, head, n, max;
        uint64_t last;
};

int event_log_new(size_t max, EventLog **ret) {
        EventLog *l;

        l = new0(EventLog, 1);
        if (!l)
                return -ENOMEM;
        l->max = max;
        *ret = l;
        return 0;
}

static Event **event_at(const EventLog *l, size_t i) {
        return &l->events[(l->head + i) & (l->allocated - 1)];
}

static void drop_first(EventLog *l) {
        free(*event_at(l, 0));
        l->head = (l->head + 1) & (l->allocated - 1);
        l->n--;
}

EventLog *event_log_free(EventLog *l) {
        if (!l)
                return NULL;
        while (l->n > 0)
                drop_first(l);
        free(l->events);
        return mfree(l);
}

void event_log_set_max(EventLog *l, size_t max) {
        l->max = max;
        while (l->n > max)
                drop_first(l);
}

static bool reserve(EventLog *l) {
        size_t n = l->allocated > 0 ? l->allocated * 2 : 64;
        Event **events;

        if (l->n < l->allocated)
                return true;
        events = new0(Event*, n);
        if (!events)
                return false;
        for (size_t i = 0; i < l->n; i++)
                events[i] = *event_at(l, i);
        free(l->events);
        l->events = events;
        l->allocated = n;
        l->head = 0;
        return true;
}

/* Copies s to *p and moves *p behind it. */
static const char *put_copy(char **p, const char *s) {
        char *copy = *p;
        size_t n;

        if (!s)
                return NULL;
        n = strlen(s) + 1;
        memcpy(copy, s, n);
        *p += n;
        return copy;
}

static size_t copy_size(const char *s) {
        return s ? strlen(s) + 1 : 0;
}

void event_log_add(EventLog *l, const Event *e) {
        Event *copy;
        char *p;

        assert(l);
        assert(e);

        if (l->max == 0)
                return;
        if (l->n >= l->max)
                drop_first(l);
        if (!reserve(l))
                return;
        copy = malloc(sizeof(Event) + copy_size(e->node) + copy_size(e->pod) + copy_size(e->detail) + copy_size(e->containers));
        if (!copy)
                return;
        *copy = *e;
        p = (char*) (copy + 1);
        copy->node = put_copy(&p, e->node);
        copy->pod = put_copy(&p, e->pod);
        copy->detail = put_copy(&p, e->detail);
        copy->containers = put_copy(&p, e->containers);
        copy->number = ++l->last;
        *event_at(l, l->n++) = copy;
}

const Event *event_log_next(const EventLog *l, uint64_t after) {
        size_t low = 0, high = l->n;

        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if ((*event_at(l, mid))->number <= after)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low < l->n ? *event_at(l, low) : NULL;
}

uint64_t event_log_last(const EventLog *l) {
        return l->last;
}

void event_log_undo(EventLog *l, uint64_t revision) {
        while (l->n > 0 && (*event_at(l, l->n - 1))->revision > revision)
                free(*event_at(l, --l->n));
}
