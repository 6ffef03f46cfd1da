/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names of the basic layer's types, for headers that only point at them. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t usec_t; /* microseconds; USEC_INFINITY means never */

typedef struct Error Error;
typedef struct StrBuf StrBuf;
typedef struct HashTable HashTable;
typedef struct MaxTree MaxTree;
typedef struct Treap Treap;
typedef struct TreapNode TreapNode;
typedef struct Prioq Prioq;
typedef struct Prng Prng;
typedef struct JsonReader JsonReader;
