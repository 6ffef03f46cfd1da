/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/shared-string.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

typedef struct SharedString {
        uint32_t n_ref;
        char text[];
} SharedString;

static SharedString *string_of(const char *text) {
        return (SharedString*) (text - offsetof(SharedString, text));
}

const char *shared_string_new(const char *s) {
        size_t size = strlen(s) + 1;
        SharedString *string;

        string = malloc(sizeof(SharedString) + size);
        if (!string)
                return NULL;
        string->n_ref = 1;
        memcpy(string->text, s, size);
        return string->text;
}

const char *shared_string_ref(const char *s) {
        if (s)
                string_of(s)->n_ref++;
        return s;
}

const char *shared_string_unref(const char *s) {
        if (s && --string_of(s)->n_ref == 0)
                free(string_of(s));
        return NULL;
}
