/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Base64 (RFC 4648, section 4) and its form for URLs (section 5). */

#include "basic/strbuf.h"

void base64_put(StrBuf *b, const void *data, size_t size);
/* Where s[0 ... size-1] is no base64: the offset that Go's encoding/base64 names (newlines are skipped), or SIZE_MAX when it is. */
size_t base64_find_error(const char *s, size_t size);
/* With '-' and '_', and without padding. */
void base64url_put(StrBuf *b, const void *data, size_t size);
/* Appends what text[0 ... size-1] stands for; only the form that base64url_put() writes is taken. 0 or -EBADMSG. */
int base64url_read(StrBuf *b, const char *text, size_t size);
