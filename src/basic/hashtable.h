/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Names to things that know their own name: the table keeps the things only, and asks `key` for the name.
 * Open addressing, SipHash-1-3 with a secret so that no client can choose colliding names. Borrowed values. */

#include "basic/forward.h"

typedef const char *(*hashtable_key_t)(const void *value);

struct HashTable {
        struct HashSlot *slots;
        size_t n_slots; /* a power of two, or 0 */
        size_t n_used;
        uint64_t secret[2];
        hashtable_key_t key;
};

/* Secret: any two numbers; random ones in a daemon, seeded ones where runs must repeat. */
void hashtable_init(HashTable *t, hashtable_key_t key, const uint64_t secret[2]);
void hashtable_done(HashTable *t);
/* Adds a value whose name is not in the table yet: 0, -EEXIST or -ENOMEM. */
int hashtable_put(HashTable *t, void *value);
/* The value of that name, or NULL. */
void *hashtable_get(const HashTable *t, const char *name);
/* Takes the value of that name out and gives it back, or NULL. */
void *hashtable_remove(HashTable *t, const char *name);
/* SipHash-1-3 (Aumasson, Bernstein, "SipHash: a fast short-input PRF", 2012). */
uint64_t siphash13(const void *data, size_t size, const uint64_t secret[2]);
