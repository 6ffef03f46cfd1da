/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Base64 (RFC 4648, section 4). */

#include "basic/strbuf.h"

void base64_put(StrBuf *b, const void *data, size_t size);
bool base64_is_valid(const char *s);
