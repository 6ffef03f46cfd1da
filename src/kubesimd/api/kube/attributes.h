/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a request asks for, in the words in which Kubernetes decides who may (k8s.io/apiserver, RequestInfo), and who may do it
 * here: by the route that would be taken, so that reviews say what the server does. */

#include "kubesimd/auth/identity.h"
#include "kubesimd/http/server.h"

typedef struct KubeAttributes {
        const char *verb; /* "list", "create"; of other paths "get", "post" */
        const char *path; /* of what is no resource; NULL: it is one */
        const char *group, *version, *resource, *subresource, *namespace, *name; /* each "" when there is none, never NULL */
        char buffer[1024];
} KubeAttributes;

void kube_attributes_read(HttpRequest *req, KubeAttributes *ret);
HttpAccess kube_attributes_access(HttpRequest *req, const KubeAttributes *a);
/* 'pods is forbidden: User "x" cannot create resource "pods" in API group "" in the namespace "default"' */
void kube_attributes_put_refusal(const KubeAttributes *a, const Identity *who, StrBuf *b);
