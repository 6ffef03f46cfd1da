/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/address.h"

#include <arpa/inet.h>
#include <errno.h>

#include "basic/strbuf.h"

char *address_to_string(uint32_t ip, char *buf) {
        return buf_printf(buf, ADDRESS_STRING_MAX, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

int address_from_string(const char *s, uint32_t *ret) {
        struct in_addr a;

        if (inet_pton(AF_INET, s, &a) != 1)
                return -EINVAL;
        *ret = ntohl(a.s_addr);
        return 0;
}

bool address_is_valid(const char *s) {
        struct in6_addr a;

        return inet_pton(AF_INET, s, &a) == 1 || inet_pton(AF_INET6, s, &a) == 1;
}
