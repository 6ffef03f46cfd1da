/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a service tells systemd (sd_notify(3)), without ever waiting for it: sd_notify() blocks for as long as the queue of $NOTIFY_SOCKET
 * is full, and with it the loop, its clients and the watchdog's timer. */

#include <systemd/sd-event.h>

#include "basic/strbuf.h"

typedef struct Notifier {
        sd_event *event;         /* a reference */
        sd_event_source *source; /* waits for room while something is pending */
        int fd;                  /* connected */
        StrBuf pending;          /* messages that have yet to be sent, each with its NUL */
        bool off;                /* nobody wants to hear anything */
} Notifier;

void notifier_init(Notifier *n, sd_event *event);
void notifier_done(Notifier *n); /* what is pending is tried once more; a Notifier of zeros is fine */

/* Must not be lost (READY=1, WATCHDOG=1, RELOADING=1, STOPPING=1): what finds no room is sent, in order, once there is some. */
void notifier_tell(Notifier *n, const char *message);
/* May be lost (STATUS=): false when there was no room for it, and it should be told again later. */
bool notifier_try(Notifier *n, const char *message);
/* RELOADING=1, with the time that systemd wants with it. */
void notifier_tell_reloading(Notifier *n);
