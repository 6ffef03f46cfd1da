/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* For pod-class.c: from a pod's document to the text that tells classes apart, and from that text to the class. */

#include "core/model/pod-class.h"

/* Puts what the scheduler reads of the pod into an empty buffer, in a fixed form; the first *ret_shape bytes say its shape. -EDOM for amounts
 * that cannot be counted. */
int pod_class_put_text(const char *namespace, const Json *document, StrBuf *b, size_t *ret_shape, Error *reterr);
/* Reads a new class from that text as a tree. -ENOMEM; what was read is the class's to free in any case. */
int pod_class_read(PodClass *c, const Json *root);
void pod_terms_free(PodTerm *terms, size_t n);
