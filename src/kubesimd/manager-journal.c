/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "basic/log.h"
#include "kubesimd/manager-internal.h"
#include "shared/message-ids.h"

/* A journal entry costs tens of microseconds (a pod's placement one), so a flood of pods is summed up. */
#define POD_EVENTS_PER_SECOND 200

static const struct {
        const char *message_id;
        int level;
} rows[_EVENT_REASON_MAX] = {
        [EVENT_NODE_REGISTERED] = { MESSAGE_ID_NODE_REGISTERED, LOG_NOTICE },
        [EVENT_NODE_HEALTHY] = { MESSAGE_ID_NODE_HEALTHY, LOG_NOTICE },
        [EVENT_NODE_UNHEALTHY] = { MESSAGE_ID_NODE_UNHEALTHY, LOG_WARNING },
        [EVENT_NODE_STOPPED] = { MESSAGE_ID_NODE_STOPPED, LOG_NOTICE },
        [EVENT_NODE_STARTING] = { MESSAGE_ID_NODE_STARTING, LOG_NOTICE },
        [EVENT_NODE_REMOVED] = { MESSAGE_ID_NODE_REMOVED, LOG_NOTICE },
        [EVENT_NODE_REFUSED] = { MESSAGE_ID_NODE_REFUSED, LOG_WARNING },
        [EVENT_NODE_CORDONED] = { MESSAGE_ID_NODE_CORDONED, LOG_NOTICE },
        [EVENT_NODE_UNCORDONED] = { MESSAGE_ID_NODE_UNCORDONED, LOG_NOTICE },
        [EVENT_POD_CREATED] = { MESSAGE_ID_POD_CREATED, LOG_INFO },
        [EVENT_POD_PLACED] = { MESSAGE_ID_POD_PLACED, LOG_INFO },
        [EVENT_POD_BOUND] = { MESSAGE_ID_POD_PLACED, LOG_INFO },
        [EVENT_POD_PENDING] = { MESSAGE_ID_POD_PENDING, LOG_NOTICE },
        [EVENT_POD_RUNNING] = { MESSAGE_ID_POD_RUNNING, LOG_INFO },
        [EVENT_POD_LOST] = { MESSAGE_ID_POD_LOST, LOG_NOTICE },
        [EVENT_POD_EVICTED] = { MESSAGE_ID_POD_EVICTED, LOG_NOTICE },
        [EVENT_POD_SPARED] = { MESSAGE_ID_POD_SPARED, LOG_INFO },
        [EVENT_POD_MOVED] = { MESSAGE_ID_POD_MOVED, LOG_NOTICE },
        [EVENT_POD_DISPLACED] = { MESSAGE_ID_POD_PENDING, LOG_NOTICE },
        [EVENT_POD_RESTARTING] = { MESSAGE_ID_POD_RESTARTING, LOG_INFO },
        [EVENT_POD_SUCCEEDED] = { MESSAGE_ID_POD_SUCCEEDED, LOG_INFO },
        [EVENT_POD_FAILED] = { MESSAGE_ID_POD_FAILED, LOG_NOTICE },
        [EVENT_POD_TERMINATING] = { MESSAGE_ID_POD_TERMINATING, LOG_INFO },
        [EVENT_POD_REMOVED] = { MESSAGE_ID_POD_REMOVED, LOG_INFO },
        [EVENT_POD_PREEMPTED] = { MESSAGE_ID_POD_PREEMPTED, LOG_NOTICE },
        [EVENT_POD_BACKOFF] = { MESSAGE_ID_POD_RESTARTING, LOG_NOTICE },
        [EVENT_SCHEDULER_CHANGED] = { MESSAGE_ID_SCHEDULER_CHANGED, LOG_NOTICE },
        [EVENT_NODES_ADDED] = { MESSAGE_ID_NODES_ADDED, LOG_NOTICE },
        [EVENT_FAULT_INJECTED] = { MESSAGE_ID_FAULT_INJECTED, LOG_WARNING },
        [EVENT_FAULT_ENDED] = { MESSAGE_ID_FAULT_ENDED, LOG_NOTICE },
};

static void log_event(const Event *e) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(4096);
        char revision[24];

        event_message(e, &message);
        (void) snprintf(revision, sizeof(revision), "%llu", (unsigned long long) e->revision);
        log_struct(rows[e->reason].level, rows[e->reason].message_id,
                   (LogField[]) { { "KUBESIM_NODE", e->node }, { "KUBESIM_POD", e->pod }, { "KUBESIM_REVISION", revision },
                                  { "KUBESIM_REASON", event_reason_to_string(e->reason) }, {} },
                   "%s", strbuf_str(&message));
}

/* May this event have an entry of its own? */
static bool within_rate(Manager *m, const Event *e) {
        usec_t second = now_monotonic() / USEC_PER_SEC;

        if (!e->pod)
                return true;
        if (second != m->log_second) {
                if (m->log_left_out > 0)
                        log_info("%llu more pod events were not logged one by one, see kubesimctl events",
                                 (unsigned long long) m->log_left_out);
                m->log_second = second;
                m->log_count = 0;
                m->log_left_out = 0;
        }
        if (m->log_count >= POD_EVENTS_PER_SECOND) {
                m->log_left_out++;
                return false;
        }
        m->log_count++;
        return true;
}

void manager_log_events(Manager *m) {
        EventLog *log = cluster_events(m->api.cluster);
        uint64_t durable = store_durable(cluster_store(m->api.cluster));
        const Event *e;

        while ((e = event_log_next(log, m->event_logged)) && e->revision <= durable) {
                m->event_logged = e->number;
                if (rows[e->reason].level <= log_get_max_level() && within_rate(m, e))
                        log_event(e);
        }
}
