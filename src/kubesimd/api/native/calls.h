/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Calls for heartbeats: one stream tells a process that beats for many nodes which of them have other pods now, so that it
 * need not have a held beat for each. A call is a hint and no state: one that is lost is made up for by the next beat. */

#include "basic/list.h"
#include "kubesimd/api/context.h"

typedef struct Calls {
        ListLink all; /* Caller.link */
        unsigned n;
        usec_t sign_due; /* when the callers get a sign of life; USEC_INFINITY: there are none */
} Calls;

void calls_init(Calls *c);
/* Tells the callers of that node's prefix. */
void calls_tell(Calls *c, const char *node);
/* Does somebody beat for that node who listens here? */
bool calls_reach(const Calls *c, const char *node);
/* An empty line to each when it is due: the other side sees that we live, and we that it does. */
void calls_sign(Calls *c, usec_t now);
/* Answers with a stream of names, a line each, of nodes whose names begin with the prefix. -EDQUOT when there are too many. */
int calls_reply(Calls *c, HttpRequest *req, const char *prefix, Error *reterr);
