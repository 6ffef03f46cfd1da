/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the scheduler reads of a node's document, decoded once per document: nodes made of one template share one. Immutable and
 * counted. Kubernetes API reference, Node. */

#include "core/model/doc.h"
#include "core/model/node.h"
#include "core/model/pod-class.h"

typedef struct Taint {
        const char *key, *value;
        TaintEffect effect;
} Taint;

typedef struct NodeImage {
        const char *name;
        int64_t size; /* bytes */
} NodeImage;

typedef struct NodeClass {
        uint32_t n_ref;
        Doc *doc;             /* that it was read from; a reference; NULL: the node has none */
        JsonArena arena;
        char *text;           /* of the arena */
        Taint *taints;
        size_t n_taints;
        NodeImage *images;
        size_t n_images;
        ExtendedResource *extended;
        size_t n_extended;
        /* Of status.allocatable, else of status.capacity; -1: it does not say. */
        int64_t memory, ephemeral, pods;
        int64_t cpu;          /* of status.allocatable, millicores; -1: all that the node has */
} NodeClass;

/* What a document says; doc may be NULL. What cannot be read counts as not there: the front door has checked. -ENOMEM. */
int node_class_new(Doc *doc, NodeClass **ret);
NodeClass *node_class_ref(NodeClass *c);
NodeClass *node_class_unref(NodeClass *c); /* NULL is fine */
DEFINE_CLEANUP(NodeClass*, node_class_unref)

/* Of a document as a tree, before it is one: -EDOM for an amount that is none, naming the field. */
int node_class_check(const Json *document, Error *reterr);
/* Memory of a node that does not say: nominal, 4 GiB for a CPU. Bytes. */
static inline int64_t node_memory(const NodeClass *c, int64_t cpu) {
        return c->memory >= 0 ? c->memory : MAX(cpu * 4 / 1000, INT64_C(1)) << 30;
}

/* Ephemeral storage of a node that does not say: nominal. */
#define NODE_EPHEMERAL_GIB 100
static inline int64_t node_ephemeral(const NodeClass *c) {
        return c->ephemeral >= 0 ? c->ephemeral : (int64_t) NODE_EPHEMERAL_GIB << 30;
}

/* A label of a node: of its document, else those that every node has (kubernetes.io/hostname, /os, /arch, kubesim.io/backing). NULL:
 * it has none. Borrowed. */
const char *node_label(const Node *n, const char *key);
/* A label_of_t for nodes. */
const char *node_label_of(const void *node, const char *key, bool of_name);
