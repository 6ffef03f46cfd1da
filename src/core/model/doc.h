/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a client wrote into an object: kept as it came, as text that is ready to be sent, with those parts decoded that
 * every kind has and the cluster acts on. Immutable and counted like objects, so that the versions of an object
 * whose client changed nothing share one. */

#include "basic/json-tree.h"
#include "core/model/object.h"

typedef struct DocLabel {
        const char *key, *value;
} DocLabel;

typedef struct DocContainer {
        const char *name, *image;
        bool sidecar; /* of init containers: it restarts always, and so runs beside those that come after it */
} DocContainer;

/* metav1.OwnerReference */
typedef struct DocOwner {
        const char *api_version, *kind, *name, *uid;
        bool controller;
} DocOwner;

struct Doc {
        uint32_t n_ref;
        uint32_t n_labels, n_annotations, n_owners, n_finalizers;
        uint32_t n_containers, n_init_containers, n_sidecars; /* of pods; sidecars are init containers, too */
        bool has_spec, has_status;
        int64_t generation;     /* 0: the kind has none */
        usec_t deleted;         /* deletionTimestamp, realtime; 0: it is not being deleted */
        int64_t grace_seconds;  /* deletionGracePeriodSeconds */
        DocLabel *labels, *annotations;
        DocContainer *containers, *init_containers;
        DocOwner *owners;
        const char **finalizers;
        /* Members with commas between, without braces; "" when there are none. metadata without what Object has. */
        const char *metadata, *spec, *status, *rest;

        DocPool *pool;   /* core/model/doc-pool.h: those that say the same are one; NULL: it is in none */
        Doc *next;       /* the pool's, as is hash */
        uint64_t hash;
        uint64_t number; /* what names it on disk, never that of another; 0: it has none, and is stored within its object */
        uint32_t n_rows; /* on disk that refer to it; touched by the storage alone, on its thread */
        void *view;      /* what somebody has made of it once for all that share it; the pool's owner says how it is freed */
};

/* Takes an object apart: metadata (but name, namespace, uid, resourceVersion, creationTimestamp), spec, status and whatever
 * else it has beside apiVersion and kind. null counts as absent. *ret has one reference. 0, -ENOMEM or -E2BIG. */
int doc_new(const Json *object, Doc **ret);
Doc *doc_ref(Doc *d);
Doc *doc_unref(Doc *d); /* NULL is fine */
DEFINE_CLEANUP(Doc*, doc_unref)

/* Do they say the same in the same words? */
bool doc_equal(const Doc *a, const Doc *b);
/* The bytes from d->metadata on that hold all that it says. */
size_t doc_text_size(const Doc *d);

/* NULL when there is no such label (or no document at all). Borrowed. */
const char *doc_label(const Doc *d, const char *key);
const char *doc_annotation(const Doc *d, const char *key);
/* The owner that controls it, or NULL. */
const DocOwner *doc_controller(const Doc *d);
bool doc_has_finalizer(const Doc *d, const char *name);
/* Appends {"metadata":{...},"spec":{...},...}: what doc_new() makes the same of. */
void doc_put(const Doc *d, StrBuf *b);
/* Appends ',"spec":{...},"status":{...},...': what an object has after its metadata. */
void doc_put_rest(const Doc *d, StrBuf *b);
