/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What Kubernetes clients do with objects of any kind: create, update, delete. The documents come checked and completed by the
 * front door; here is what the state demands: namespaces, identity, finalizers, owners, and the typed views of nodes and pods. */

#include "core/control/state.h"
#include "core/model/doc.h"

/* Creates an object of that kind and key. -EEXIST; -ENOENT (the namespace); -EACCES (it is being deleted); -EDQUOT, -EDOM,
 * -ENOSPC, -ENOMEM. dry: all but storing. *ret is a reference. */
int cluster_create_object(Cluster *c, usec_t now, Kind kind, const char *key, Json *document, bool dry, Object **ret, Error *reterr);
/* Gives an object a new document; one that says the same changes nothing. An object that is being deleted goes with its last
 * finalizer. *ret: a reference to what it is now. */
int cluster_update_object(Cluster *c, usec_t now, StoreEntry *e, Json *document, bool dry, Object **ret, Error *reterr);

typedef enum Propagation {
        PROPAGATION_BACKGROUND, /* what it owns goes after it */
        PROPAGATION_FOREGROUND, /* what it owns goes first */
        PROPAGATION_ORPHAN,     /* what it owns stays */
} Propagation;

typedef struct DeleteOptions {
        int64_t grace_seconds; /* -1: as the object says */
        Propagation propagation;
        PodDisruption disruption; /* of pods: why others send it away */
        bool dry;
} DeleteOptions;

/* Deletes it: 1 when it is gone, 0 when it is still there, marked. -EACCES for what may not be deleted. */
int cluster_delete_object(Cluster *c, usec_t now, StoreEntry *e, const DeleteOptions *options, Error *reterr);
/* Binds a pod of another scheduler (or one that waits) to a node. -ENOENT, -ESTALE (bound already), -EDOM (no room). */
int cluster_bind_pod(Cluster *c, usec_t now, StoreEntry *e, const char *node, Error *reterr);

/* --- For the controllers --- */
/* An object's document, to be changed. */
typedef struct Edit {
        Cluster *cluster;
        StoreEntry *entry;
        JsonArena arena;
        char *text;
        Json *root; /* {"metadata":{...},"spec":{...},...} */
} Edit;

/* 0 or -ENOMEM; edit_done() in any case. */
int edit_begin(Edit *e, Cluster *c, StoreEntry *entry);
/* Stores it if it says something else than before: 1, else 0. The generation follows the spec. */
int edit_commit(Edit *e);
#define FOREGROUND_FINALIZER "foregroundDeletion"
/* Takes a finalizer out of it: how many others are left. */
size_t edit_remove_finalizer(Edit *e, const char *name);
void edit_done(Edit *e);
#define _cleanup_edit_ _cleanup_(edit_done)

/* Creates an object that `owner` controls: its reference is added to the document. name: without namespace. */
int object_create_owned(Cluster *c, JsonArena *a, StoreEntry *owner, Kind kind, const char *name, Json *document, Error *reterr);
/* The same of a pod that is to be on that node (NULL: where the scheduler wants it), which its document need not say. */
int object_create_pod(Cluster *c, JsonArena *a, StoreEntry *owner, const char *name, const char *node, Json *document, Error *reterr);
/* Marks it as being deleted, or removes it when nothing holds it. Like cluster_delete_object(), without asking. */
int object_delete(Cluster *c, StoreEntry *e, const DeleteOptions *options);
/* For the collector: everything that goes with its owner goes the way that its owner went. */
int object_collect(Cluster *c, ObjectState *s);
/* PREFIX and five letters that no object of that kind and namespace has as a name; buf holds 254 bytes. */
void object_generate_name(Cluster *c, const char *prefix, char *buf);
