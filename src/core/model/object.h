/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What every object has, whatever its kind: a name, an identity, a revision. Objects are immutable once they are
 * in the store and counted; a change is a new object. The count is not atomic: only the thread that owns the
 * state takes and drops references; the storage thread reads objects that the state's thread keeps for it. */

#include <string.h>

#include "basic/macro.h"
#include "core/model/forward.h"
#include "core/model/kind.h"

typedef struct Uuid {
        uint8_t bytes[16];
} Uuid;

/* What has not been given one has this. */
static inline bool uuid_is_null(Uuid u) {
        return memcmp(u.bytes, (uint8_t[sizeof(u.bytes)]) {}, sizeof(u.bytes)) == 0;
}

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
        /* Its key, unique in its kind: "NAME", or "NAMESPACE/NAME" in a namespace other than "default". Shared
         * by its versions (core/model/shared-string.h). */
        const char *name;
        Doc *doc;          /* what a client wrote into it, owned reference; NULL of objects that know no documents */
};

#define NAMESPACE_DEFAULT "default"

/* The name without the namespace. Borrowed. */
const char *object_name(const Object *o);
/* The namespace of an object of a kind that is in namespaces; not ended by NUL, its size goes to *ret_size. Borrowed. */
const char *object_namespace(const Object *o, size_t *ret_size);
bool object_is_in(const Object *o, const char *namespace);
bool object_shares_namespace(const Object *a, const Object *b);
/* The key of that name in that namespace (NULL: the kind is in none), to free; NULL when memory runs out. */
char *object_key(const char *namespace, const char *name);
#define NAMESPACE_SIZE 254
/* Its namespace as a string of its own; returns buf. */
char *object_copy_namespace(const Object *o, char buf[NAMESPACE_SIZE]);
/* By namespace, then name: the order of lists. */
int object_compare(const Object *a, const Object *b);

/* A copy to change and then put into the store: same kind and identity, one reference. 0 or -ENOMEM. */
int object_copy(const Object *o, Object **ret);
Object *object_ref(Object *o);
/* Drops a reference; frees at the last one. NULL is fine. Returns NULL. */
Object *object_unref(Object *o);
DEFINE_CLEANUP(Object*, object_unref)

/* A name that may be a node's or a pod's: RFC 1123 subdomain as Kubernetes has it (lower-case letters, digits, '-'
 * and '.', 1...253, beginning and ending with a letter or digit in each label). 0, or -EINVAL naming `field`. */
int name_validate(const char *name, const char *field, Error *reterr);
/* The same for a key: "NAME" or "NAMESPACE/NAME". */
int key_validate(const char *key, const char *field, Error *reterr);
