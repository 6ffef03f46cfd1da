/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The status of nodes and pods has two sources: what kubesim makes of the state, and what clients write that it does not make.
 * The second is kept apart, and laid over the first when it is shown. */

#include "basic/json-tree.h"

/* Lays `extra` over `base`, which it changes: objects member by member; of conditions those whose type base has not. */
void overlay_put(JsonArena *a, Json *base, const Json *extra);
/* The same for a whole status: a capacity that a client writes is allocatable, too, unless it says what is. */
void overlay_put_status(JsonArena *a, Json *base, const Json *extra);
/* Takes out of `value` what `base` says too, so that what is left is the overlay. */
void overlay_subtract(Json *value, const Json *base);
