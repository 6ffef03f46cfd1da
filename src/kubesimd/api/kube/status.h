/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Status objects: how the Kubernetes API says that something went wrong, or that it is done.
 * Kubernetes API conventions, "Response Status Kind". */

#include "basic/json-tree.h"
#include "kubesimd/api/kube/types/resource.h"
#include "kubesimd/http/server.h"

typedef struct KubeStatus {
        unsigned code;
        const char *reason;   /* NULL: of the code */
        const char *message;
        const char *name, *group, *kind, *uid; /* details; each may be NULL */
        const Json *causes;   /* an array, or NULL */
        unsigned retry_after; /* seconds; 0: nothing is said of it */
} KubeStatus;

int kube_reply_status(HttpRequest *req, const KubeStatus *status);
/* Adds a Warning header (RFC 7234, 5.5), which kubectl shows. */
int kube_add_warning(HttpRequest *req, const char *text, size_t size);
/* 'CreateOptions.meta.k8s.io "" is invalid: FIELD: DETAIL' with its cause; answered already, the return is negative all the same. */
int kube_refuse_option(HttpRequest *req, const char *kind, const char *field, const char *reason, const char *format, ...) _printf_(5, 6);
/* The same of a resourceVersion that is still to come. */
int kube_refuse_future(HttpRequest *req, uint64_t wanted, uint64_t newest);
/* "Success" with the details of what was deleted (both NULL: without details). */
int kube_reply_success(HttpRequest *req, unsigned code, const KubeResource *r, const Object *o, uint64_t mark);
