/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the documents of both versions of OpenAPI share. */

#include "kubesimd/api/kube/custom/custom.h"

#define OPENAPI_DOCUMENT_MAX (64 * MIB)

typedef enum OpenApiVersion {
        OPENAPI_V2, /* Swagger 2.0: references stand alone, and no value is of one type or another */
        OPENAPI_V3,
} OpenApiVersion;

/* Is the kind in that version of that group? group NULL: any is. */
bool openapi_has(const KubeResource *r, const char *group, const char *version);
/* {"group":...,"version":...,"kind":...} */
void openapi_put_kind(const KubeResource *r, StrBuf *b);
/* "NAME":SCHEMA of each type that the kinds of that group and version (NULL: of all) are made of, with commas between. */
void openapi_put_schemas(const KubeTable *t, const char *group, const char *version, OpenApiVersion v, StrBuf *b);
