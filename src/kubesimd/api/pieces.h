/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Long answers made piece by piece, so that no turn of the loop is long. */

#include "kubesimd/http/server.h"

/* Appends the next piece to an empty b. 1: there is more; 0: that was the last; negative: the connection is cut. Without anything
 * to append it looks through so much at most and gives 1: the rest is for the next turn of the loop. */
typedef int (*piece_t)(void *userdata, StrBuf *b);

/* Answers 200 with a chunked body once `mark` is durable. free_userdata is called exactly once, also on failure. 0 or -ENOMEM. */
int reply_pieces(HttpRequest *req, const char *content_type, uint64_t mark, piece_t next, void (*free_userdata)(void *userdata), void *userdata);
