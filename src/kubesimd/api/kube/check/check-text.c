/* SPDX-License-Identifier: Apache-2.0 */
/* How names, addresses and paths may be written: k8s.io/apimachinery/pkg/util/validation, and pkg/api/validation/path. */
#include <arpa/inet.h>
#include <stdio.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/model/address.h"
#include "core/model/object.h"
#include "kubesimd/api/kube/check/check.h"

#define DOMAIN_MAX 253
#define LABEL_MAX 63
#define LETTERS "abcdefghijklmnopqrstuvwxyz"
#define CAPITALS "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

const char *wrong_label(const char *s) {
        if (is_dns_label(s))
                return NULL;
        if (strlen(s) > LABEL_MAX)
                return "must be no more than 63 bytes";
        return name_validate(s, "", NULL) >= 0 ? "must not contain dots" : LABEL_TEXT;
}

const char *wrong_service(const char *s) {
        return is_dns_label(s) && (*s < '0' || *s > '9') ? NULL : SERVICE_TEXT;
}

const char *wrong_subdomain(const char *s) {
        return name_validate(s, "", NULL) < 0 ? SUBDOMAIN_TEXT : NULL;
}

const char *wrong_domain(const char *s) {
        if (*s != '\0' && !strchr(s, '.'))
                return "should be a domain with at least two segments separated by dots";
        return wrong_subdomain(s);
}

const char *wrong_wildcard(const char *s) {
        if (!strchr(s, '*'))
                return wrong_subdomain(s);
        if (startswith(s, "*.") && name_validate(s + 2, "", NULL) >= 0)
                return NULL;
        return "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, "
               "'-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is "
               "'\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
}

const char *wrong_host(const char *s) {
        return address_is_valid(s) ? "must be a DNS name, not an IP address" : wrong_wildcard(s);
}

const char *wrong_qualified(const char *s) {
        return is_qualified_name(s) ? NULL : KEY_TEXT;
}

const char *wrong_segment(const char *s) {
        if (streq(s, "."))
                return "may not be '.'";
        if (streq(s, ".."))
                return "may not be '..'";
        if (strchr(s, '/'))
                return "may not contain '/'";
        return strchr(s, '%') ? "may not contain '%'" : NULL;
}

const char *wrong_domain_path(const char *s) {
        const char *slash = strchr(s, '/');
        char domain[DOMAIN_MAX + 1];

        if (!slash || slash == s || slash[1] == '\0')
                return "must be a domain-prefixed path (such as \"acme.io/foo\")";
        (void) snprintf(domain, sizeof(domain), "%.*s", (int) (slash - s), s);
        if (slash - s > DOMAIN_MAX || name_validate(domain, "", NULL) < 0)
                return SUBDOMAIN_TEXT;
        return slash[1 + strspn(slash + 1, LETTERS CAPITALS DIGITS "/-._~%!$&'()*+,;=:@")] == '\0' ? NULL :
               "Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')";
}

const char *wrong_absolute(const char *s) {
        return *s == '/' ? NULL : "must be an absolute path";
}

const char *wrong_backsteps(const char *s) {
        for (const char *p = s; p; p = strchr(p, '/'), p = p ? p + 1 : NULL)
                if (strncmp(p, "..", 2) == 0 && (p[2] == '/' || p[2] == '\0'))
                        return "must not contain '..'";
        return NULL;
}

const char *wrong_descending(const char *s) {
        return *s == '/' ? "must be a relative path" : wrong_backsteps(s);
}

const char *wrong_local_path(const char *s) {
        return wrong_descending(s) ?: startswith(s, "..") ? "must not start with '..'" : NULL;
}

const char *wrong_key(const char *s) {
        size_t n = strlen(s);

        if (n > DOMAIN_MAX)
                return "must be no more than 253 bytes";
        if (n == 0 || strspn(s, LETTERS CAPITALS DIGITS "-._") != n)
                return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used "
                       "for validation is '[-._a-zA-Z0-9]+')";
        if (streq(s, "."))
                return "must not be '.'";
        if (streq(s, ".."))
                return "must not be '..'";
        return startswith(s, "..") ? "must not start with '..'" : NULL;
}

const char *wrong_variable(const char *s) {
        for (; *s; s++)
                if (*s < ' ' || *s > '~' || *s == '=')
                        return "a valid environment variable name must consist only of printable ASCII characters other than '='";
        return NULL;
}

/* A label that may begin with an underscore, and have more of them. */
static bool is_search_label(const char *s, size_t n) {
        if (n > 0 && *s == '_')
                return is_search_label(s + 1, n - 1) && s[1] != '_';
        return n > 0 && strspn(s, LETTERS DIGITS "-_") >= n && strchr(LETTERS DIGITS, s[0]) && strchr(LETTERS DIGITS, s[n - 1]);
}

const char *wrong_search(const char *s) {
        size_t size = strlen(s), n;

        if (streq(s, "."))
                return NULL;
        if (size > 0 && s[size - 1] == '.')
                size--;
        if (size > DOMAIN_MAX)
                return "must be no more than 253 bytes";
        for (const char *p = s;; p += n + 1) {
                n = MIN(strcspn(p, "."), (size_t) (s + size - p));
                if (!is_search_label(p, n))
                        return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with "
                               "an alphanumeric character (e.g. 'example.com', regex used for validation is "
                               "'_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";
                if (p + n == s + size)
                        return NULL;
        }
}

const char *wrong_address(const char *s) {
        return address_is_valid(s) ? NULL : "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
}

const char *wrong_network(const char *s) {
        const char *slash = strchr(s, '/');
        char address[INET6_ADDRSTRLEN];
        uint64_t bits;

        if (slash && (size_t) (slash - s) < sizeof(address)) {
                (void) snprintf(address, sizeof(address), "%.*s", (int) (slash - s), s);
                if (address_is_valid(address) && parse_u64(slash + 1, &bits) >= 0 && bits <= (strchr(address, ':') ? 128 : 32))
                        return NULL;
        }
        return "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
}
