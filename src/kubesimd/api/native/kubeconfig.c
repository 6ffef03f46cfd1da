/* SPDX-License-Identifier: Apache-2.0 */
/* A kubeconfig for kubectl: where the HTTPS socket is, whom to believe, and a certificate of the role asked for. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/base64.h"
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/state.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/auth/access.h"
#include "kubesimd/auth/certificates.h"

#define SERVER_MAX (sizeof("https://:65535") + ADDRESS_STRING_MAX)

static const struct {
        const char *role, *group;
} roles[] = { { "admin", ACCESS_GROUP_ADMIN }, { "viewer", ACCESS_GROUP_VIEWER } };

static void put_base64(StrBuf *b, const char *s) {
        base64_put(b, s, strlen(s));
}

/* YAML, of which kubectl writes the same. */
static void put_kubeconfig(StrBuf *b, const char *server, const char *role, const char *authority, const char *certificate, const char *key) {
        strbuf_puts(b, "apiVersion: v1\nkind: Config\ncurrent-context: kubesim\nclusters:\n- name: kubesim\n  cluster:\n    server: ");
        json_put_string(b, server);
        strbuf_puts(b, "\n    certificate-authority-data: ");
        put_base64(b, authority);
        strbuf_printf(b, "\ncontexts:\n- name: kubesim\n  context:\n    cluster: kubesim\n    user: kubesim-%s\nusers:\n- name: kubesim-%s\n  user:\n"
                      "    client-certificate-data: ", role, role);
        put_base64(b, certificate);
        strbuf_puts(b, "\n    client-key-data: ");
        put_base64(b, key);
        strbuf_putc(b, '\n');
}

/* Where the Service `kubernetes` leads to. */
static const char *own_server(const Cluster *c, char buf[SERVER_MAX]) {
        char ip[ADDRESS_STRING_MAX];

        (void) snprintf(buf, SERVER_MAX, "https://%s:%u", address_to_string(c->api_port > 0 ? c->api_address : LOOPBACK_ADDRESS, ip),
                        c->api_port > 0 ? c->api_port : API_PORT_DEFAULT);
        return buf;
}

int handle_kubeconfig(HttpRequest *req, void *userdata, Error *reterr) {
        const char *role = http_request_query(req, "role") ?: "admin", *server = http_request_query(req, "server"), *group = NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(256 * KIB);
        _cleanup_free_ char *certificate = NULL, *key = NULL;
        ApiContext *api = userdata;
        char own[SERVER_MAX];
        int r;

        for (size_t i = 0; i < ELEMENTSOF(roles); i++)
                if (streq(roles[i].role, role))
                        group = roles[i].group;
        if (!group)
                return error_set_field(reterr, -EINVAL, "role", role, "role= must be \"admin\" or \"viewer\"");
        if (!server)
                server = own_server(api->cluster, own);
        if (!startswith(server, "https://"))
                return error_set_field(reterr, -EINVAL, "server", server, "server= must begin with https://: kubectl shows its certificate to nobody else");
        if (!api->certificates)
                return error_set(reterr, -ENOENT, "nothing serves TLS here: systemctl start kubesimd-https.socket, then systemctl restart kubesimd");
        r = certificates_issue(api->certificates, role, group, &certificate, &key, reterr);
        if (r < 0)
                return r;
        put_kubeconfig(&b, server, role, certificates_authority(api->certificates), certificate, key);
        explicit_bzero(key, strlen(key));
        return http_reply(req, 200, "application/yaml", &b, 0);
}
