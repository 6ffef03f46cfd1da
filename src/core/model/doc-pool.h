/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One document for all that say the same: pods of one template differ in what Object has, not in what Doc has. The pool does
 * not own its documents; the last reference to one takes it out. One thread. */

#include "core/model/doc.h"

/* secret: of the hash, so that no client can choose documents that collide. 0 or -ENOMEM. */
int doc_pool_new(const uint64_t secret[2], DocPool **ret);
/* Documents that are still referenced live on, in no pool and without a number. NULL is fine. */
DocPool *doc_pool_free(DocPool *p);
DEFINE_CLEANUP(DocPool*, doc_pool_free)
/* Gives the document of the pool that says what d says: an older one, or d itself, which is then in the pool and gets a number.
 * Takes the caller's reference to d, and gives one to what it returns. */
Doc *doc_pool_intern(DocPool *p, Doc *d);
/* Enters a document that has a number already, from disk. One whose like is there stays out of the pool, with its number. */
void doc_pool_add(DocPool *p, Doc *d, uint64_t number);
size_t doc_pool_count(const DocPool *p);
/* What frees Doc.view of the pool's documents, when they go. */
void doc_pool_set_view_free(DocPool *p, void (*free_view)(void *view));

/* Of doc_unref(): d is about to be freed. */
void doc_pool_forget(DocPool *p, Doc *d);
