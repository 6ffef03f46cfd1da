/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a path of the Kubernetes API names:
 * /api/v1 or /apis/GROUP/VERSION, then [/namespaces/NAMESPACE]/PLURAL[/NAME[/SUBRESOURCE]]; of old, /watch before all but the
 * subresource asks for a watch. */

#include "kubesimd/api/context.h"
#include "kubesimd/api/kube/types/resource.h"

#define KUBE_KEY_MAX 320

typedef struct KubePath {
        const KubeResource *resource;
        char buffer[1024];        /* the segments below */
        const char *namespace;    /* NULL: of a kind that is in none, or all of them */
        const char *name;         /* NULL: the collection */
        const char *subresource;  /* NULL: the object itself */
        bool watch;
        char key[KUBE_KEY_MAX];   /* of the object in the store */
} KubePath;

/* -ENOENT when there is no such kind there. The row is borrowed for this request (kube_resource_ref()). api NULL: kinds of our own alone. */
int kube_parse_path(const char *text, ApiContext *api, KubePath *ret, Error *reterr);
/* The object that it names; -ENOENT with Kubernetes' words. */
int kube_find(ApiContext *api, const KubePath *path, StoreEntry **ret, Error *reterr);
/* "pods \"x\" not found" */
int kube_not_found(const KubeResource *r, const char *name, Error *reterr);
