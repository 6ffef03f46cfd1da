/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What services have in common: sockets from systemd, credentials, telling it how things are. */

#include <systemd/sd-event.h>

#include "basic/macro.h"

typedef struct PassedSocket {
        int fd;           /* owned by the process until it ends */
        const char *name; /* owned by the PassedSockets */
} PassedSocket;

typedef struct PassedSockets {
        PassedSocket *sockets;
        size_t n_sockets;
        char **names;
} PassedSockets;

/* The listening sockets that systemd has passed (sd_listen_fds_with_names(3)); clears the environment of them. */
int passed_sockets_get(PassedSockets *ret);
void passed_sockets_done(PassedSockets *p);

/* "unix:/PATH", "/PATH", "HOST:PORT" or "[V6]:PORT": opens a listening socket there. A Unix socket's file that nobody
 * listens on is replaced. *ret_local says which kind it is. Errors name the address. */
int listen_on(const char *address, int *ret_fd, bool *ret_local, Error *reterr);

/* The path of a credential ($CREDENTIALS_DIRECTORY/NAME) when there is one: 1 and *ret (owned), else 0. */
int credential_path(const char *name, char **ret);

/* Half of the interval in which the watchdog wants to hear from this process, 0 when there is none. */
usec_t watchdog_interval(void);

/* An event loop (owned) that calls on_stop for SIGTERM and SIGINT and on_reload for SIGHUP. Blocks the three, also for threads
 * made later, and ignores SIGPIPE: a peer that is gone is an error of the write. */
int event_loop_new(sd_event_signal_handler_t on_stop, sd_event_signal_handler_t on_reload, void *userdata, sd_event **ret);
