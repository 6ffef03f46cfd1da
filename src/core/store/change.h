/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One change of the state. */

#include "core/model/object.h"

typedef enum ChangeType {
        CHANGE_ADDED,
        CHANGE_MODIFIED,
        CHANGE_DELETED,
        _CHANGE_TYPE_MAX,
} ChangeType;

const char *change_type_to_string(ChangeType t); /* "ADDED", "MODIFIED", "DELETED", as a Kubernetes watch says it */

typedef struct StoreChange {
        uint64_t revision;
        ChangeType type;
        Object *object; /* the new version; for CHANGE_DELETED the last one. Owned by whoever owns the change */
        Object *old;    /* the version before, NULL for CHANGE_ADDED */
} StoreChange;
