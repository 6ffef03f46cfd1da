/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Amounts of what pods ask for and nodes have. CPU is counted in millicores, memory and ephemeral storage in bytes, all others in
 * whole units. Kubernetes documentation, "Resource Management for Pods and Containers". */

#include "basic/json-tree.h"

typedef struct Resources {
        int64_t cpu, memory, ephemeral;
} Resources;

/* Any other resource: "nvidia.com/gpu". */
typedef struct ExtendedResource {
        const char *name; /* borrowed from the tree that it was read from */
        int64_t amount;
} ExtendedResource;

/* What a pod asks for without saying so counts as this when nodes are compared (kube-scheduler, util/pod_resources.go). */
#define RESOURCES_DEFAULT_CPU 100
#define RESOURCES_DEFAULT_MEMORY (INT64_C(200) * 1024 * 1024)

/* Reads an amount of that resource. -EDOM names the field: it is no quantity, negative, or too large to be counted. */
int resource_parse(const char *name, const char *field, const char *text, int64_t *ret, Error *reterr);
/* What a pod of that spec asks for of one resource: the greater of the sum of its containers and the greatest init container,
 * where init containers that restart always run beside the later ones, and the overhead (Kubernetes documentation, "Init
 * Containers", resource sharing within containers). A container that does not ask counts as `missing`. -EDOM. */
int resource_sum(const Json *spec, const char *name, int64_t missing, int64_t *ret, Error *reterr);
/* The same without the overhead. -EDOM. */
int resource_sum_containers(const Json *spec, const char *name, int64_t missing, int64_t *ret, Error *reterr);
/* The first three of them. -EDOM. */
int resources_sum(const Json *spec, Resources *ret, Error *reterr);
/* Calls visit once for each further resource that a container asks for; stops at a negative result, which is returned. */
int resources_each_extended(const Json *spec, int (*visit)(const char *name, void *userdata), void *userdata);
/* "cpu", "memory", "ephemeral-storage" and "pods" are not extended, nor are hugepages counted apart. */
bool resource_is_extended(const char *name);
