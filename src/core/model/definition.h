/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A CustomResourceDefinition: its document is what a client wrote, and beside it stands what the cluster has to know of it: under which
 * names objects of what it defines are known, and of which kind of the store they are. */

#include "basic/json-tree.h"
#include "core/model/object.h"

#define DEFINITION_FINALIZER "customresourcecleanup.apiextensions.k8s.io"

/* Each is "" when it is not there. */
typedef struct DefinitionNames {
        const char *plural, *singular, *kind, *list_kind;
        const char **short_names;
        size_t n_short_names;
} DefinitionNames;

/* Read from the document; immutable and counted, so that versions of a definition can share it. */
typedef struct DefinitionInfo {
        uint32_t n_ref;
        bool namespaced;
        const char *group;
        DefinitionNames wanted;   /* of the spec */
        DefinitionNames accepted; /* of the status */
        const char **versions;    /* those that are served */
        size_t n_versions;
} DefinitionInfo;

struct Definition {
        Object object;
        Kind slot; /* what its objects are of; _KIND_INVALID until it is established */
        DefinitionInfo *info; /* owned reference; NULL before definition_read_document() */
};

int definition_new(const char *name, Kind slot, Definition **ret);
int definition_copy(const Definition *d, Definition **ret);
void definition_done(Definition *d);
/* Reads the names. 0 or -ENOMEM. */
int definition_read_document(Definition *d, const Json *document);
/* Is it served in that version? */
bool definition_serves(const Definition *d, const char *version);

static inline Definition *definition_unref(Definition *d) {
        return (Definition*) object_unref((Object*) d);
}
DEFINE_CLEANUP(Definition*, definition_unref)
