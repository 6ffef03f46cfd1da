/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects as Kubernetes-shaped JSON documents (apiVersion, kind, metadata, spec, status), the form in which they
 * are stored. object_decode(object_encode(o)) is o, but for id and revision, which travel beside the document. */

#include "basic/strbuf.h"
#include "core/model/object.h"

/* Appends o's document. Reads only what is immutable: any thread may call it while o is referenced. */
void object_encode(const Object *o, StrBuf *b);
/* The same without a client's document that has a number of its own (doc-pool.h): that is stored elsewhere, once for all. */
void object_encode_row(const Object *o, StrBuf *b);
/* Reads a document of that kind from text (overwritten; text[size] must be writable). *ret has one reference. */
int object_decode(Kind kind, char *text, size_t size, Object **ret, Error *reterr);
/* Reads what doc_put() has written, in the same way. */
int doc_decode(char *text, size_t size, Doc **ret, Error *reterr);
