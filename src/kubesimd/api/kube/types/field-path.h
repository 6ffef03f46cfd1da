/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where in a document somebody who goes through it is: "spec.containers[1].name". */

#include "basic/macro.h"

typedef struct FieldPath {
        char text[1000]; /* what is longer is cut */
        size_t size;
} FieldPath;

/* A step down, to a member, or (NULL) to the i-th item; gives what field_path_leave() needs to come back. */
size_t field_path_enter(FieldPath *p, const char *key, size_t i);
void field_path_leave(FieldPath *p, size_t before);
