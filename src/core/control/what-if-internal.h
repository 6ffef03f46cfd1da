/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of the copy share: what-if.c places pods on it, what-if-preempt.c sends others away for them. */

#include "core/control/what-if.h"

/* What was done to the copy, so that it can be taken back, the last first. */
typedef struct WhatIfPlaced {
        SchedNode *node;
        WhatIfItem *item; /* that is there now (the node holds a reference to its class); of those that went: whose it was, NULL: nobody's */
        PodClass *gone;   /* a reference: a pod of it went; NULL: one of the item came */
        bool nominated;   /* it was yet to come, and will not */
        bool ending;      /* that was being removed */
} WhatIfPlaced;

/* The pod goes to that node. 1 or -ENOMEM. */
int what_if_put(WhatIf *w, WhatIfItem *item, SchedNode *n);

/* --- what-if-preempt.c --- */
/* Of this moment. -ENOMEM. */
int what_if_read_budgets(WhatIf *w);
void what_if_budgets_done(WhatIf *w);
void what_if_search_done(WhatIf *w);
/* A pod of the class fits nowhere: may it send others away? Then what_if_search() is to be called until `search.going` is over: 1 when it
 * has found a node, 0 when there is none, negative when it has failed; 1 while it goes on. */
bool what_if_search_begin(WhatIf *w, const PodClass *class);
int what_if_search(WhatIf *w, WhatIfItem *item, WhatIfItem *items, size_t n_items, const SchedAlgorithm *algorithm);
/* Takes back that a pod went. */
void what_if_bring_back(WhatIf *w, WhatIfPlaced *p);
