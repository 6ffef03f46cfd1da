/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/check/label-syntax.h"

#include <string.h>

#include "core/model/object.h"

static bool is_alphanumeric(char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_label_value(const char *s, size_t n) {
        if (n == 0)
                return true;
        if (n > 63 || !is_alphanumeric(s[0]) || !is_alphanumeric(s[n - 1]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_alphanumeric(s[i]) && !strchr("-_.", s[i]))
                        return false;
        return true;
}

/* [PREFIX/]NAME */
bool is_qualified_name(const char *s) {
        const char *slash = strchr(s, '/');
        char prefix[260];

        if (slash) {
                if (slash == s || (size_t) (slash - s) >= sizeof(prefix))
                        return false;
                memcpy(prefix, s, (size_t) (slash - s));
                prefix[slash - s] = '\0';
                if (name_validate(prefix, "", NULL) < 0)
                        return false;
                s = slash + 1;
        }
        return *s && is_label_value(s, strlen(s));
}
