/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Which pods of an owner that has too many are missed least: a heap that is made once, some pods in each look, and taken from until
 * there are no longer too many. It holds ids, and what it says of a pod is looked at again when that is taken. */

#include "core/control/state.h"

typedef struct Victims Victims;

Victims *victims_free(Victims *v);
/* The active pod of `s` that is missed least: 1 and the pod, 0 when there is none. -EAGAIN: not all of them have been gone through, it is
 * to be asked in the next look. -ENOMEM. */
int victims_next(Cluster *c, ObjectState *s, ObjectState **ret);
/* It has no longer too many. */
void victims_forget(ObjectState *s);
