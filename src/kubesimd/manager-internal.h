/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What manager.c and its faces (journal, status, checks) share. */

#include "basic/error.h"
#include "core/control/state.h"
#include "kubesimd/api/context.h"
#include "kubesimd/api/native/beats.h"
#include "kubesimd/api/streams.h"
#include "kubesimd/auth/access.h"
#include "kubesimd/auth/certificates.h"
#include "kubesimd/manager.h"
#include "kubesimd/metrics/metrics.h"
#include "kubesimd/storage/writer.h"
#include "shared/daemon-util.h"
#include "shared/notify.h"

#define LISTENERS_MAX 16

#define TURN_FIRST_USEC (20e3 / 256) /* so that 20 ms, which no turn should take, is among the bounds */

struct Manager {
        const ManagerOptions *options;
        Config config;
        sd_event *event;
        Notifier notifier;
        uint64_t secret[2];

        PassedSockets passed;
        HttpListener listeners[LISTENERS_MAX];
        Certificates *certificates; /* owned; NULL: nothing listens for TLS */
        HttpTls tls;
        int own_fds[LISTENERS_MAX]; /* those that we opened ourselves */
        char *own_paths[LISTENERS_MAX];
        size_t n_listeners, n_own;

        ApiContext api;
        Access access;
        StorageWriter *writer;
        char *storage_error; /* why the disk takes nothing; NULL when it does */
        bool disk_is_behind; /* it was said that changes cannot be queued for it */

        sd_event_source *timer; /* the cluster's next deadline, or the next held beat */
        usec_t timer_at;
        sd_event_source *status_timer, *watchdog;
        usec_t watchdog_usec;
        char status[256];
        uint64_t event_logged; /* number of the last event that the journal has */
        usec_t log_second;     /* the second in which log_count pod events were logged */
        unsigned log_count;
        uint64_t log_left_out;
        bool stopping;
        usec_t started;
        int exit_status;
        uint64_t turns[16]; /* of the loop, by duration: [i] = less than 2^i * TURN_FIRST_USEC, the last is the rest */
        usec_t turns_usec, turn_max_usec;
};

/* manager-journal.c: writes the events that have become durable to the journal. */
void manager_log_events(Manager *m);
/* manager-status.c: tells systemd how things are, soon. */
void manager_update_status(Manager *m);
int manager_setup_status(Manager *m);
/* manager-checks.c */
extern const HealthCheck manager_checks[];
extern const size_t manager_n_checks;
int manager_setup_watchdog(Manager *m);
/* manager-accounts.c: the key of the service accounts' tokens, and what is asked about them. */
int manager_setup_accounts(Manager *m, Error *reterr);
/* manager-metrics.c */
void manager_write_metrics(ApiContext *api, StrBuf *b);
void manager_count_request(HttpRequest *req, const HttpRoute *route, unsigned status, usec_t took, void *userdata);
