/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the loads have in common: connections, and how long things took. */

#include "basic/time-util.h"

#define LATENCIES 1000000 /* microseconds that are counted one by one */

/* A connection to unix:/PATH or HOST:PORT that does not block, or a negative errno. */
int dial(const char *address);

/* Sends what is left of `size` bytes. 1: all is sent, 0: the socket is full, or a negative errno. */
int send_rest(int fd, const char *data, size_t size, size_t *sent);

void latency_add(usec_t took);
/* "p50_us":...,"p99_us":...,"max_us":... of all that were added */
void latency_print(void);
