/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The certificates of the HTTPS socket: from systemd credentials (tls.crt, tls.key, ca.crt), or of an authority of our own that is
 * made when it is first needed and kept in the state directory. X.509 (RFC 5280) by GnuTLS, which libmicrohttpd uses too. */

#include "basic/error.h"

typedef struct Certificates Certificates;

/* Reads what is in `credentials` (NULL or without such files: in `directory`, where it is made when it is not there).
 * names: further names and addresses of this server, NULL-terminated, may be NULL. Errors name the file. */
int certificates_load(const char *credentials, const char *directory, char *const *names, Certificates **ret, Error *reterr);
Certificates *certificates_free(Certificates *c); /* NULL is fine */
DEFINE_CLEANUP(Certificates*, certificates_free)

/* PEM, borrowed. */
const char *certificates_authority(const Certificates *c);
const char *certificates_server(const Certificates *c);
const char *certificates_server_key(const Certificates *c);
/* Makes a client's key and certificate: CN=user, O=group (as Kubernetes reads them), for a year. Both are PEM, to free.
 * -EOPNOTSUPP when the authority's key is not here. */
int certificates_issue(const Certificates *c, const char *user, const char *group, char **ret_certificate, char **ret_key, Error *reterr);
