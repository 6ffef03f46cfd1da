/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* In which form a client wants to see objects: as they are, or as rows of a table (Accept: ...;as=Table). */

#include "core/model/pod.h"
#include "kubesimd/api/context.h"
#include "kubesimd/api/kube/types/resource.h"

typedef enum ViewForm {
        VIEW_OBJECT,
        VIEW_TABLE,
        VIEW_METADATA, /* PartialObjectMetadata: all but spec, status and the like are left out */
} ViewForm;

typedef enum TableInclude {
        TABLE_METADATA, /* rows carry a PartialObjectMetadata */
        TABLE_OBJECT,
        TABLE_NONE,
} TableInclude;

typedef struct View {
        Cluster *cluster;
        const KubeResource *resource;
        ViewForm form;
        TableInclude include;
        const char *table_version; /* "v1" or "v1beta1"; a literal */
        bool has_columns;          /* of a watch: they have been sent */
        bool metadata_last;        /* of a list: what it leaves is known only at its end */
} View;

/* -EINVAL for an includeObject= that does not exist. */
int view_from_request(HttpRequest *req, Cluster *c, const KubeResource *r, View *ret, Error *reterr);
/* What a list leaves for the next request. */
typedef struct ListRest {
        const char *token; /* metadata.continue; NULL: that was all */
        size_t remaining;  /* 0: nobody knows */
} ListRest;

/* An object by itself: {"kind":...,"apiVersion":...,...}, or a table of one row. */
void view_put_one(View *v, const Object *o, uint64_t revision, StrBuf *b);
/* A list: head, items with commas before all but the first, tail. With metadata_last the tail says what the head else does. */
void view_put_list_head(View *v, uint64_t revision, const ListRest *rest, StrBuf *b);
void view_put_item(View *v, const Object *o, bool first, StrBuf *b);
void view_put_list_tail(View *v, uint64_t revision, const ListRest *rest, StrBuf *b);
/* What a bookmark carries. */
void view_put_bookmark(View *v, uint64_t revision, bool initial_end, StrBuf *b);
