/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/field-path.h"

#include <stdio.h>

size_t field_path_enter(FieldPath *p, const char *key, size_t i) {
        size_t before = p->size;
        int n = key ? snprintf(p->text + before, sizeof(p->text) - before, "%s%s", before > 0 ? "." : "", key) :
                      snprintf(p->text + before, sizeof(p->text) - before, "[%zu]", i);

        p->size = n < 0 ? before : MIN(before + (size_t) n, sizeof(p->text) - 1);
        return before;
}

void field_path_leave(FieldPath *p, size_t before) {
        p->size = before;
        p->text[before] = '\0';
}
