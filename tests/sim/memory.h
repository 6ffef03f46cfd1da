/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Memory that runs out: the simulation is linked with --wrap for malloc, calloc, realloc, strdup and strndup. */

#include <stdbool.h>

/* The nth allocation from now on fails, and the next `more` after it; nth 0: none does. */
void memory_fail(unsigned nth, unsigned more);
/* Has one failed since memory_fail()? */
bool memory_failed(void);
/* How many have, ever. */
unsigned long memory_n_failed(void);
