/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Compression of long answers (RFC 1952), as a filter between a stream's source and the connection: nothing is compressed before
 * the client has taken what was compressed before, so that memory and the time of a turn stay small however long the answer is. */

#include "kubesimd/http/server.h"

typedef struct Gzip Gzip;

/* Does a client with that Accept-Encoding (NULL: it has none) want gzip, by RFC 9110, section 12.5.3? */
bool gzip_is_wanted(const char *accept_encoding);

/* Compresses what `read` gives. Takes the source over on success; `counter` is one more until gzip_free(). 0 or -ENOMEM. */
int gzip_new(http_stream_read_t read, void (*free_source)(void *userdata), void *userdata, unsigned *counter, Gzip **ret);
/* As any stream's (http_stream_read_t, free_stream); userdata is the Gzip. */
ssize_t gzip_read(char *buffer, size_t size, void *userdata);
void gzip_free(void *userdata);
