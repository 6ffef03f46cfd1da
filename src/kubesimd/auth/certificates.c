/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/auth/certificates.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/fd-util.h"
#include "basic/strbuf.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

#define PEM_MAX (64 * KIB)
#define AUTHORITY_DAYS (10 * 365)
#define CLIENT_DAYS 365
#define AUTHORITY_NAME "kubesim authority"
#define SERVER_NAME "kubesimd" /* another one, or it would look as if it had signed itself */

struct Certificates {
        char *authority, *authority_key; /* the key is NULL when credentials bring their own authority */
        char *server, *server_key;
};

Certificates *certificates_free(Certificates *c) {
        if (!c)
                return NULL;
        free(c->authority);
        if (c->authority_key)
                explicit_bzero(c->authority_key, strlen(c->authority_key));
        if (c->server_key)
                explicit_bzero(c->server_key, strlen(c->server_key));
        free(c->authority_key);
        free(c->server);
        free(c->server_key);
        return mfree(c);
}

const char *certificates_authority(const Certificates *c) {
        return c->authority;
}

const char *certificates_server(const Certificates *c) {
        return c->server;
}

const char *certificates_server_key(const Certificates *c) {
        return c->server_key;
}

/* --- Files --- */

static int read_pem(const char *directory, const char *name, char **ret, Error *reterr) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        _cleanup_close_ int fd = -EBADF;
        ssize_t n;

        if (asprintf(&path, "%s/%s", directory, name) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        fd = RET_ERRNO(open(path, O_RDONLY | O_CLOEXEC));
        if (fd == -ENOENT)
                return 0;
        if (fd < 0)
                return error_set(reterr, fd, "cannot open %s: %s", path, strerror(-fd));
        text = new0(char, PEM_MAX + 1);
        if (!text)
                return error_set(reterr, -ENOMEM, "out of memory");
        n = RET_ERRNO(read(fd, text, PEM_MAX));
        if (n < 0)
                return error_set(reterr, (int) n, "cannot read %s: %s", path, strerror((int) -n));
        if (!strstr(text, "-----BEGIN "))
                return error_set(reterr, -EBADMSG, "%s is not PEM", path);
        *ret = TAKE_PTR(text);
        return 1;
}

static int write_pem(const char *directory, const char *name, mode_t mode, const char *text, Error *reterr) {
        _cleanup_free_ char *path = NULL, *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;
        size_t n = strlen(text);

        if (asprintf(&path, "%s/%s", directory, name) < 0 || asprintf(&temporary, "%s/.%s.new", directory, name) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        fd = RET_ERRNO(open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode));
        if (fd < 0)
                return error_set(reterr, fd, "cannot create %s: %s", temporary, strerror(-fd));
        if (write(fd, text, n) != (ssize_t) n || fsync(fd) < 0 || rename(temporary, path) < 0)
                return error_set(reterr, -errno, "cannot write %s: %m", path);
        return 0;
}

/* --- Making --- */

static int failed(int rc, const char *what, Error *reterr) {
        return error_set(reterr, rc == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -EIO, "cannot %s: %s", what, gnutls_strerror(rc));
}

static int new_key(gnutls_x509_privkey_t *ret) {
        int rc;

        rc = gnutls_x509_privkey_init(ret);
        if (rc == 0)
                rc = gnutls_x509_privkey_generate(*ret, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
        return rc;
}

static char *take_datum(gnutls_datum_t *d) {
        char *s = strndup((const char*) d->data, d->size);

        gnutls_free(d->data);
        return s;
}

static int export_key(gnutls_x509_privkey_t key, char **ret) {
        gnutls_datum_t d;
        int rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &d);

        if (rc == 0)
                *ret = take_datum(&d);
        return rc == 0 && !*ret ? GNUTLS_E_MEMORY_ERROR : rc;
}

/* What all have in common: a serial number, when it is valid, whose it is. */
static int begin_certificate(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *user, const char *group, unsigned days) {
        time_t now = (time_t) (now_realtime() / USEC_PER_SEC);
        unsigned char serial[16];
        int rc;

        if (getrandom(serial, sizeof(serial), 0) != sizeof(serial))
                return GNUTLS_E_RANDOM_FAILED;
        serial[0] &= 0x7f;
        rc = gnutls_x509_crt_set_version(crt, 3);
        if (rc == 0)
                rc = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
        if (rc == 0)
                rc = gnutls_x509_crt_set_activation_time(crt, now - 3600);
        if (rc == 0)
                rc = gnutls_x509_crt_set_expiration_time(crt, now + (time_t) days * 86400);
        if (rc == 0)
                rc = gnutls_x509_crt_set_key(crt, key);
        if (rc == 0 && group)
                rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, group, (unsigned) strlen(group));
        if (rc == 0)
                rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, user, (unsigned) strlen(user));
        return rc;
}

/* Who it is signed with; both NULL: it signs itself. */
typedef struct Signer {
        gnutls_x509_crt_t certificate;
        gnutls_x509_privkey_t key;
} Signer;

static void signer_done(Signer *s) {
        if (s->certificate)
                gnutls_x509_crt_deinit(s->certificate);
        if (s->key)
                gnutls_x509_privkey_deinit(s->key);
}

static int signer_load(const Certificates *c, Signer *ret) {
        gnutls_datum_t certificate = { (unsigned char*) c->authority, (unsigned) strlen(c->authority) };
        gnutls_datum_t key = { (unsigned char*) c->authority_key, (unsigned) strlen(c->authority_key) };
        int rc;

        rc = gnutls_x509_crt_init(&ret->certificate);
        if (rc == 0)
                rc = gnutls_x509_crt_import(ret->certificate, &certificate, GNUTLS_X509_FMT_PEM);
        if (rc == 0)
                rc = gnutls_x509_privkey_init(&ret->key);
        return rc == 0 ? gnutls_x509_privkey_import(ret->key, &key, GNUTLS_X509_FMT_PEM) : rc;
}

/* Which key it has, and which has signed it: clients find the authority by that (RFC 5280, 4.2.1.1). */
static int set_key_ids(gnutls_x509_crt_t crt, const Signer *signer) {
        unsigned char own[64], theirs[64];
        size_t own_size = sizeof(own), theirs_size = sizeof(theirs);
        int rc;

        rc = gnutls_x509_crt_get_key_id(crt, 0, own, &own_size);
        if (rc == 0)
                rc = gnutls_x509_crt_set_subject_key_id(crt, own, own_size);
        if (rc == 0 && signer->certificate)
                rc = gnutls_x509_crt_get_subject_key_id(signer->certificate, theirs, &theirs_size, NULL);
        if (rc == 0 && signer->certificate)
                rc = gnutls_x509_crt_set_authority_key_id(crt, theirs, theirs_size);
        return rc;
}

static int sign(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const Signer *signer, char **ret) {
        gnutls_datum_t d;
        int rc;

        rc = set_key_ids(crt, signer);
        if (rc == 0)
                rc = gnutls_x509_crt_sign2(crt, signer->certificate ?: crt, signer->key ?: key, GNUTLS_DIG_SHA256, 0);
        if (rc == 0)
                rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &d);
        if (rc == 0)
                *ret = take_datum(&d);
        return rc == 0 && !*ret ? GNUTLS_E_MEMORY_ERROR : rc;
}

static int add_name(gnutls_x509_crt_t crt, const char *name) {
        unsigned char ip[16];

        if (inet_pton(AF_INET, name, ip) == 1)
                return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, 4, GNUTLS_FSAN_APPEND);
        if (inet_pton(AF_INET6, name, ip) == 1)
                return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, ip, 16, GNUTLS_FSAN_APPEND);
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, (unsigned) strlen(name), GNUTLS_FSAN_APPEND);
}

static int add_server_names(gnutls_x509_crt_t crt, char *const *names) {
        static const char *const always[] = { "localhost", "127.0.0.1", "::1", "kubernetes", "kubernetes.default", "kubernetes.default.svc" };
        char host[256] = "";
        int rc = 0;

        for (size_t i = 0; i < ELEMENTSOF(always) && rc == 0; i++)
                rc = add_name(crt, always[i]);
        if (gethostname(host, sizeof(host) - 1) >= 0 && *host && rc == 0)
                rc = add_name(crt, host);
        for (; names && *names && rc == 0; names++)
                rc = add_name(crt, *names);
        return rc;
}

typedef enum Purpose {
        FOR_AUTHORITY,
        FOR_SERVER,
        FOR_CLIENT,
} Purpose;

static int set_purpose(gnutls_x509_crt_t crt, Purpose purpose, char *const *names) {
        int rc;

        if (purpose == FOR_AUTHORITY) {
                rc = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
                return rc == 0 ? gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN) : rc;
        }
        rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
        if (rc == 0)
                rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
        if (rc == 0)
                rc = gnutls_x509_crt_set_key_purpose_oid(crt, purpose == FOR_SERVER ? GNUTLS_KP_TLS_WWW_SERVER : GNUTLS_KP_TLS_WWW_CLIENT, 0);
        return rc == 0 && purpose == FOR_SERVER ? add_server_names(crt, names) : rc;
}

static int make_certificate(const Signer *signer, Purpose purpose, const char *user, const char *group, char *const *names, unsigned days,
                            char **ret_certificate, char **ret_key) {
        gnutls_x509_privkey_t key = NULL;
        gnutls_x509_crt_t crt = NULL;
        int rc;

        rc = new_key(&key);
        if (rc == 0)
                rc = gnutls_x509_crt_init(&crt);
        if (rc == 0)
                rc = begin_certificate(crt, key, user, group, days);
        if (rc == 0)
                rc = set_purpose(crt, purpose, names);
        if (rc == 0)
                rc = sign(crt, key, signer, ret_certificate);
        if (rc == 0)
                rc = export_key(key, ret_key);
        if (crt)
                gnutls_x509_crt_deinit(crt);
        if (key)
                gnutls_x509_privkey_deinit(key);
        return rc;
}

static int make_all(Certificates *c, const char *directory, char *const *names, Error *reterr) {
        Signer signer = {};
        int rc, r;

        rc = make_certificate(&signer, FOR_AUTHORITY, AUTHORITY_NAME, NULL, NULL, AUTHORITY_DAYS, &c->authority, &c->authority_key);
        if (rc == 0)
                rc = signer_load(c, &signer);
        if (rc == 0)
                rc = make_certificate(&signer, FOR_SERVER, SERVER_NAME, NULL, names, AUTHORITY_DAYS, &c->server, &c->server_key);
        signer_done(&signer);
        if (rc != 0)
                return failed(rc, "make certificates", reterr);
        if (mkdir(directory, 0700) < 0 && errno != EEXIST)
                return error_set(reterr, -errno, "cannot create %s: %m", directory);
        r = write_pem(directory, "ca.key", 0600, c->authority_key, reterr);
        if (r >= 0)
                r = write_pem(directory, "tls.key", 0600, c->server_key, reterr);
        if (r >= 0)
                r = write_pem(directory, "tls.crt", 0644, c->server, reterr);
        return r < 0 ? r : write_pem(directory, "ca.crt", 0644, c->authority, reterr); /* the last: with it they are complete */
}

int certificates_load(const char *credentials, const char *directory, char *const *names, Certificates **ret, Error *reterr) {
        _cleanup_(certificates_freep) Certificates *c = new0(Certificates, 1);
        const char *from = credentials;
        int r = 0;

        if (!c)
                return error_set(reterr, -ENOMEM, "out of memory");
        if (credentials)
                r = read_pem(credentials, "tls.crt", &c->server, reterr);
        if (r == 0) {
                from = directory;
                r = read_pem(directory, "ca.crt", &c->authority, reterr);
                if (r > 0)
                        r = read_pem(directory, "tls.crt", &c->server, reterr);
        }
        if (r < 0)
                return r;
        if (r == 0)
                r = make_all(c, directory, names, reterr);
        else {
                r = read_pem(from, "tls.key", &c->server_key, reterr);
                if (r >= 0 && !c->authority)
                        r = read_pem(from, "ca.crt", &c->authority, reterr);
                if (r >= 0)
                        r = read_pem(from, "ca.key", &c->authority_key, reterr);
                if (r >= 0 && (!c->server_key || !c->authority))
                        r = error_set(reterr, -ENOENT, "%s has a tls.crt, but not tls.key and ca.crt beside it", from);
        }
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

int certificates_issue(const Certificates *c, const char *user, const char *group, char **ret_certificate, char **ret_key, Error *reterr) {
        Signer signer = {};
        int rc;

        if (!c->authority_key)
                return error_set(reterr, -EOPNOTSUPP, "the certificates come from elsewhere, and so have clients' to: use a token (kubesimctl token)");
        rc = signer_load(c, &signer);
        if (rc == 0)
                rc = make_certificate(&signer, FOR_CLIENT, user, group, NULL, CLIENT_DAYS, ret_certificate, ret_key);
        signer_done(&signer);
        return rc == 0 ? 0 : failed(rc, "make a certificate", reterr);
}
