/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/hashtable.h"

#include <string.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"

typedef struct HashSlot {
        void *value; /* NULL = empty */
        uint64_t hash;
} HashSlot;

#define ROTL(x, b) (((x) << (b)) | ((x) >> (64 - (b))))

static inline void sip_round(uint64_t v[4]) {
        v[0] += v[1];
        v[1] = ROTL(v[1], 13) ^ v[0];
        v[0] = ROTL(v[0], 32);
        v[2] += v[3];
        v[3] = ROTL(v[3], 16) ^ v[2];
        v[0] += v[3];
        v[3] = ROTL(v[3], 21) ^ v[0];
        v[2] += v[1];
        v[1] = ROTL(v[1], 17) ^ v[2];
        v[2] = ROTL(v[2], 32);
}

uint64_t siphash13(const void *data, size_t size, const uint64_t secret[2]) {
        const unsigned char *p = data;
        uint64_t m, v[4] = {
                secret[0] ^ UINT64_C(0x736f6d6570736575), secret[1] ^ UINT64_C(0x646f72616e646f6d),
                secret[0] ^ UINT64_C(0x6c7967656e657261), secret[1] ^ UINT64_C(0x7465646279746573),
        };
        size_t left = size;

        for (; left >= 8; p += 8, left -= 8) {
                memcpy(&m, p, 8);
                v[3] ^= m;
                sip_round(v);
                v[0] ^= m;
        }
        m = 0;
        memcpy(&m, p, left);
        m |= (uint64_t) size << 56;
        v[3] ^= m;
        sip_round(v);
        v[0] ^= m;
        v[2] ^= 0xff;
        for (unsigned i = 0; i < 3; i++)
                sip_round(v);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void hashtable_init(HashTable *t, hashtable_key_t key, const uint64_t secret[2]) {
        assert(t);
        assert(key);
        *t = (HashTable) { .key = key, .secret = { secret[0], secret[1] } };
}

void hashtable_done(HashTable *t) {
        assert(t);
        t->slots = mfree(t->slots);
        t->n_slots = t->n_used = 0;
}

static void place(HashSlot *slots, size_t n_slots, HashSlot s) {
        size_t i = s.hash & (n_slots - 1);

        while (slots[i].value)
                i = (i + 1) & (n_slots - 1);
        slots[i] = s;
}

static int grow(HashTable *t) {
        size_t n = t->n_slots > 0 ? t->n_slots * 2 : 16;
        HashSlot *slots;

        slots = new0(HashSlot, n);
        if (!slots)
                return -ENOMEM;
        for (size_t i = 0; i < t->n_slots; i++)
                if (t->slots[i].value)
                        place(slots, n, t->slots[i]);
        free(t->slots);
        t->slots = slots;
        t->n_slots = n;
        return 0;
}

/* The slot of that name, or SIZE_MAX. */
static size_t find(const HashTable *t, const char *name, uint64_t hash) {
        if (t->n_slots == 0)
                return SIZE_MAX;
        for (size_t i = hash & (t->n_slots - 1); t->slots[i].value; i = (i + 1) & (t->n_slots - 1))
                if (t->slots[i].hash == hash && streq(t->key(t->slots[i].value), name))
                        return i;
        return SIZE_MAX;
}

int hashtable_put(HashTable *t, void *value) {
        const char *name;
        uint64_t hash;
        int r;

        assert(t);
        assert(value);

        name = t->key(value);
        hash = siphash13(name, strlen(name), t->secret);
        if (find(t, name, hash) != SIZE_MAX)
                return -EEXIST;
        if ((t->n_used + 1) * 4 > t->n_slots * 3) {
                r = grow(t);
                if (r < 0)
                        return r;
        }
        place(t->slots, t->n_slots, (HashSlot) { .value = value, .hash = hash });
        t->n_used++;
        return 0;
}

void *hashtable_get(const HashTable *t, const char *name) {
        size_t i;

        assert(t);
        assert(name);
        i = find(t, name, siphash13(name, strlen(name), t->secret));
        return i == SIZE_MAX ? NULL : t->slots[i].value;
}

void *hashtable_remove(HashTable *t, const char *name) {
        size_t i, j;
        void *value;

        assert(t);
        assert(name);

        i = find(t, name, siphash13(name, strlen(name), t->secret));
        if (i == SIZE_MAX)
                return NULL;
        value = t->slots[i].value;

        /* Close the gap: move back each follower that may stand where the gap is (Knuth 6.4, algorithm R). */
        for (j = (i + 1) & (t->n_slots - 1); t->slots[j].value; j = (j + 1) & (t->n_slots - 1)) {
                size_t home = t->slots[j].hash & (t->n_slots - 1);

                if (((j - home) & (t->n_slots - 1)) >= ((j - i) & (t->n_slots - 1))) {
                        t->slots[i] = t->slots[j];
                        i = j;
                }
        }
        t->slots[i] = (HashSlot) {};
        t->n_used--;
        return value;
}
