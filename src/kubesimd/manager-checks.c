/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "basic/log.h"
#include "kubesimd/manager-internal.h"
#include "shared/message-ids.h"

/* A commit that takes so long, or a watch that is not given what is durable for so long, is a hang. */
#define HANG_USEC (20 * USEC_PER_SEC)

static int check_loop(ApiContext *api _unused_, Error *reterr _unused_) {
        return 0; /* that it answers is the proof */
}

static int check_storage_thread(ApiContext *api, Error *reterr) {
        const Manager *m = api->manager;
        usec_t last, busy_since;

        storage_writer_alive(m->writer, &last, &busy_since);
        if (busy_since > 0 && now_monotonic() > busy_since + HANG_USEC)
                return error_set(reterr, -ETIMEDOUT, "a batch has been being written for %llus",
                                 (unsigned long long) ((now_monotonic() - busy_since) / USEC_PER_SEC));
        return 0;
}

static int check_watches(ApiContext *api, Error *reterr) {
        usec_t since = streams_waiting_since(api->streams);

        if (since > 0 && now_monotonic() > since + HANG_USEC)
                return error_set(reterr, -ETIMEDOUT, "a watch has not been served for %llus",
                                 (unsigned long long) ((now_monotonic() - since) / USEC_PER_SEC));
        return 0;
}

static int check_storage(ApiContext *api, Error *reterr) {
        const Manager *m = api->manager;

        if (!m->storage_error)
                return 0;
        return error_set(reterr, -ENOSPC, "the state cannot be written: %s", m->storage_error);
}

static int check_stopping(ApiContext *api, Error *reterr) {
        const Manager *m = api->manager;

        return m->stopping ? error_set(reterr, -EAGAIN, "the server is stopping") : 0;
}

const HealthCheck manager_checks[] = {
        { "loop", false, check_loop },
        { "storage-thread", false, check_storage_thread },
        { "watches", false, check_watches },
        { "storage", true, check_storage },
        { "serving", true, check_stopping },
};
const size_t manager_n_checks = ELEMENTSOF(manager_checks);

/* Feeds the watchdog only when everything that /livez asks for is well. */
static int on_watchdog(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *m = userdata;
        bool well = true;

        for (size_t i = 0; i < manager_n_checks; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                if (manager_checks[i].ready_only || manager_checks[i].check(&m->api, &error) >= 0)
                        continue;
                log_struct(LOG_ERR, MESSAGE_ID_WATCHDOG_CHECK_FAILED, (LogField[]) { { "KUBESIM_CHECK", manager_checks[i].name }, {} },
                           "Check %s failed, the watchdog is not fed: %s", manager_checks[i].name, error_message(&error));
                well = false;
        }
        if (well)
                notifier_tell(&m->notifier, "WATCHDOG=1");
        (void) sd_event_source_set_time(source, usec + m->watchdog_usec);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

int manager_setup_watchdog(Manager *m) {
        int r;

        m->watchdog_usec = watchdog_interval();
        if (m->watchdog_usec == 0)
                return 0;
        r = sd_event_add_time(m->event, &m->watchdog, CLOCK_MONOTONIC, now_monotonic(), m->watchdog_usec / 4, on_watchdog, m);
        if (r >= 0)
                (void) sd_event_source_set_description(m->watchdog, "watchdog");
        return r;
}
