/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Memory that runs out: a program is linked with --wrap for malloc, calloc, realloc, strdup and strndup (WRAP_MEMORY in tests/tests.mk), and
 * says itself which allocations fail. What libraries allocate for themselves does not. */

#include <stdbool.h>

/* To be defined by the program, which may not allocate in it: does the allocation that is asked for fail? */
bool allocation_fails(void);
