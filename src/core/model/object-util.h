/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Enums and their names, and owned strings of objects: what node.c, pod.c and the other kinds share. */

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/model/object.h"

/* Defines name##_to_string() and name##_from_string() over the table `names` of `max` strings. */
#define DEFINE_STRING_TABLE(name, type, names, max)                                                          \
        const char *name##_to_string(type v) {                                                               \
                assert(v >= 0 && v < (max));                                                                 \
                return (names)[v];                                                                           \
        }                                                                                                    \
        type name##_from_string(const char *s) {                                                             \
                for (type v = 0; v < (max); v++)                                                             \
                        if (streq((names)[v], s))                                                            \
                                return v;                                                                    \
                return -EINVAL;                                                                              \
        }

/* Puts a copy of value (NULL: none) into *field, freeing what was there. 0 or -ENOMEM. */
int object_set_string(const char **field, const char *value);
/* A new object of `size` bytes with that name and one reference. */
int object_new(Kind kind, size_t size, const char *name, Object **ret);
/* A new object with the identity of o: name, uid, creation; without revision. */
int object_new_like(const Object *o, size_t size, Object **ret);
