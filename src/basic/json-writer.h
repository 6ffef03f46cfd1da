/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Appends JSON to a StrBuf. The caller writes the punctuation that is fixed and these write what varies. */

#include "basic/strbuf.h"

/* "text" with quotes and the escapes of RFC 8259. s must be UTF-8. */
void json_put_string(StrBuf *b, const char *s);
/* The same of a text that was built; what failed there has failed here. */
void json_put_text(StrBuf *b, StrBuf *text);
/* Thousandths as a number: 4000 -> 4, 500 -> 0.5. */
void json_put_milli(StrBuf *b, int64_t milli);
/* Microseconds since the epoch as an RFC 3339 string. */
void json_put_time(StrBuf *b, usec_t realtime);
/* Microseconds as a number of seconds with as many decimals as needed. */
void json_put_seconds(StrBuf *b, usec_t span);
