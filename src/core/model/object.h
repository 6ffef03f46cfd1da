/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What every object has, whatever its kind: a name, an identity, a revision. Objects are immutable once they are
 * in the store and counted; a change is a new object. The count is not atomic: only the thread that owns the
 * state takes and drops references; the storage thread reads objects that the state's thread keeps for it. */

#include "basic/macro.h"
#include "core/model/forward.h"

typedef enum Kind {
        KIND_NODE,
        KIND_POD,
        KIND_POLICY,    /* what an operator has chosen at run time, e.g. the scheduling algorithm */
        KIND_TOMBSTONE, /* a removed node whose agent has yet to be told */
        _KIND_MAX,
        _KIND_INVALID = -EINVAL,
} Kind;

const char *kind_to_string(Kind k); /* "Node", ... as in Kubernetes documents */
Kind kind_from_string(const char *s);

typedef struct Uuid {
        uint8_t bytes[16];
} Uuid;

#define UUID_STRING_MAX 37
/* "xxxxxxxx-xxxx-4xxx-..." (RFC 9562, version 4 layout); buf holds UUID_STRING_MAX bytes. Returns buf. */
char *uuid_to_string(Uuid u, char *buf);
int uuid_from_string(const char *s, Uuid *ret);
Uuid uuid_random(Prng *p);

struct Object {
        uint32_t n_ref;
        Kind kind;
        uint64_t id;       /* never reused, grows with creation; the key of the row on disk; 0 before the store has it */
        uint64_t revision; /* of the change that made this version; 0 before */
        usec_t created;    /* realtime */
        Uuid uid;
        const char *name;  /* unique in its kind; owned */
};

Object *object_ref(Object *o);
/* Drops a reference; frees at the last one. NULL is fine. Returns NULL. */
Object *object_unref(Object *o);
DEFINE_CLEANUP(Object*, object_unref)

/* A name that may be a node's or a pod's: RFC 1123 subdomain as Kubernetes has it (lower-case letters, digits, '-'
 * and '.', 1...253, beginning and ending with a letter or digit in each label). 0, or -EINVAL naming `field`. */
int name_validate(const char *name, const char *field, Error *reterr);
