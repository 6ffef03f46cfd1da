/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Heartbeats whose answer is held (Prefer: wait=SECONDS, RFC 7240) until the node's pods change or the time is up. */

#include "kubesimd/api/context.h"

int beats_new(ApiContext *api, const uint64_t secret[2], Beats **ret);
/* Every held beat must have been answered. NULL is fine. */
Beats *beats_free(Beats *b);
DEFINE_CLEANUP(Beats*, beats_free)
/* Answers the beats whose nodes have other pods now, and those whose time is up at `now`. */
void beats_answer_woken(Beats *b);
void beats_answer_due(Beats *b, usec_t now);
/* The node is gone: its beat, if one is held, is answered. */
void beats_answer_node(Beats *b, const char *node);
/* When beats_answer_due() has something to do; times are rounded down to tenths of a second, so that many agents
 * cost few wake-ups. USEC_INFINITY for never. */
usec_t beats_deadline(const Beats *b);
/* Does a fleet that beats for that node listen for calls (GET /heartbeat)? */
bool beats_reach(const Beats *b, const char *node);
unsigned beats_count(const Beats *b);
