/* SPDX-License-Identifier: Apache-2.0 */
/* Who a TLS client is: the subject of its certificate, if it has one and our authority signed it. */
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "kubesimd/http/internal.h"

static int read_subject(const gnutls_datum_t *der, char *user, size_t user_size, char *group, size_t group_size) {
        gnutls_x509_crt_t crt;
        int rc;

        if (gnutls_x509_crt_init(&crt) != 0)
                return -ENOMEM;
        user[0] = group[0] = '\0';
        rc = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER);
        if (rc == 0)
                rc = gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, user, &user_size);
        if (rc == 0)
                (void) gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, 0, group, &group_size);
        gnutls_x509_crt_deinit(crt);
        return rc == 0 ? 1 : -EINVAL;
}

int http_request_subject(const HttpRequest *req, char *user, size_t user_size, char *group, size_t group_size) {
        const union MHD_ConnectionInfo *info;
        const gnutls_datum_t *peers;
        gnutls_session_t session;
        unsigned status = 0, n = 0;

        if (!req->connection->daemon->listener.tls)
                return 0;
        info = MHD_get_connection_info(req->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        session = info ? info->tls_session : NULL;
        peers = session ? gnutls_certificate_get_peers(session, &n) : NULL;
        if (!peers || n == 0)
                return 0;
        if (gnutls_certificate_verify_peers2(session, &status) != 0 || status != 0)
                return -EKEYREJECTED;
        return read_subject(&peers[0], user, user_size, group, group_size);
}
