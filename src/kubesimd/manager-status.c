/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "kubesimd/manager-internal.h"

/* systemctl status need not be newer than this. */
#define STATUS_DELAY_USEC (500 * USEC_PER_MSEC)

static void format_status(Manager *m, char *buf, size_t size) {
        ClusterStats stats;
        unsigned nodes;

        cluster_stats(m->api.cluster, &stats);
        nodes = (unsigned) store_count(cluster_store(m->api.cluster), KIND_NODE);
        if (m->stopping)
                (void) snprintf(buf, size, "STOPPING=1\nSTATUS=Stopping...");
        else if (m->storage_error)
                (void) snprintf(buf, size, "STATUS=Read-only, the state cannot be written: %s", m->storage_error);
        else
                (void) snprintf(buf, size, "STATUS=%u node%s (%u healthy), %u pod%s running, %u pending, revision %llu", nodes,
                                nodes == 1 ? "" : "s", stats.nodes_by_health[NODE_HEALTHY], stats.pods_by_status[POD_RUNNING],
                                stats.pods_by_status[POD_RUNNING] == 1 ? "" : "s", stats.n_pending,
                                (unsigned long long) store_revision(cluster_store(m->api.cluster)));
}

static int on_status(sd_event_source *source _unused_, uint64_t usec _unused_, void *userdata) {
        char status[sizeof(((Manager*) NULL)->status)];
        Manager *m = userdata;

        format_status(m, status, sizeof(status));
        if (strcmp(status, m->status) == 0)
                return 0;
        if (notifier_try(&m->notifier, status))
                memcpy(m->status, status, sizeof(status));
        else
                manager_update_status(m); /* tries again */
        return 0;
}

void manager_update_status(Manager *m) {
        int enabled;

        if (sd_event_source_get_enabled(m->status_timer, &enabled) < 0 || enabled != SD_EVENT_OFF)
                return;
        (void) sd_event_source_set_time(m->status_timer, now_monotonic() + STATUS_DELAY_USEC);
        (void) sd_event_source_set_enabled(m->status_timer, SD_EVENT_ONESHOT);
}

int manager_setup_status(Manager *m) {
        int r;

        r = sd_event_add_time(m->event, &m->status_timer, CLOCK_MONOTONIC, now_monotonic(), 100 * USEC_PER_MSEC, on_status, m);
        if (r >= 0)
                (void) sd_event_source_set_description(m->status_timer, "status");
        return r;
}
