/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/types/field-path.h"

#include <string.h>

#include "basic/strbuf.h"

static void put(FieldPath *p, const char *s) {
        size_t n = MIN(strlen(s), sizeof(p->text) - 1 - p->size);

        memcpy(p->text + p->size, s, n);
        p->size += n;
        p->text[p->size] = '\0';
}

/* Every member of every body comes by here: a name is copied, not formatted. */
size_t field_path_enter(FieldPath *p, const char *key, size_t i) {
        size_t before = p->size;
        char index[32];

        if (key) {
                put(p, before > 0 ? "." : "");
                put(p, key);
        } else {
                (void) buf_printf(index, sizeof(index), "[%zu]", i);
                put(p, index);
        }
        return before;
}

void field_path_leave(FieldPath *p, size_t before) {
        p->size = before;
        p->text[before] = '\0';
}
