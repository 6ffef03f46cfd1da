/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
#include "basic/forward.h"

typedef struct Object Object;
typedef struct Doc Doc;
typedef struct DocPool DocPool;
typedef struct Node Node;
typedef struct Pod Pod;
typedef struct Policy Policy;
typedef struct Tombstone Tombstone;
typedef struct Definition Definition;
typedef struct Fault Fault;
