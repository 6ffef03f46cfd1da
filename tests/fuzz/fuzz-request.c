/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a client or a damaged disk gives to the JSON reader: it must answer, and what it accepts it must be able to
 * write and to read again. */
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/json-reader.h"
#include "core/model/codec.h"

typedef struct Body {
        const char *node, *status;
        JsonStrings pods;
        int64_t cpu, sequence;
        usec_t duration;
        bool flag;
} Body;

static const JsonField fields[] = {
        { .name = "nodeID", .type = JSON_FIELD_STRING, .offset = offsetof(Body, node), .mandatory = true },
        { .name = "status", .type = JSON_FIELD_STRING, .offset = offsetof(Body, status) },
        { .name = "pods", .type = JSON_FIELD_STRINGS, .offset = offsetof(Body, pods), .items_max = 100 },
        { .name = "cpuCores", .type = JSON_FIELD_MILLI, .offset = offsetof(Body, cpu) },
        { .name = "sequence", .type = JSON_FIELD_I64, .offset = offsetof(Body, sequence) },
        { .name = "duration", .type = JSON_FIELD_USEC, .offset = offsetof(Body, duration) },
        { .name = "stop", .type = JSON_FIELD_BOOL, .offset = offsetof(Body, flag) },
};

static char *copy_of(const void *data, size_t size) {
        char *text = malloc(size + 1);

        if (text && size > 0)
                memcpy(text, data, size);
        return text;
}

static void try_body(const uint8_t *data, size_t size) {
        _cleanup_free_ char *text = copy_of(data, size);
        _cleanup_error_ Error error = ERROR_NULL;
        Body body = {};
        int r;

        if (!text)
                return;
        r = json_parse_object(text, size, fields, ELEMENTSOF(fields), size % 2, &body, &error);
        assert(r >= 0 || error.code < 0);
        free(body.pods.items);
}

static void try_object(Kind kind, const uint8_t *data, size_t size) {
        _cleanup_(object_unrefp) Object *o = NULL, *again = NULL;
        _cleanup_free_ char *text = copy_of(data, size);
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        if (!text || object_decode(kind, text, size, &o, &error) < 0)
                return;
        object_encode(o, &b);
        assert(strbuf_error(&b) == 0);
        assert(object_decode(kind, b.data, b.size, &again, NULL) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        try_body(data, size);
        for (Kind kind = 0; kind <= KIND_CUSTOM_NAMESPACED; kind++) /* one slot is like another */
                if (kind_exists(kind))
                        try_object(kind, data, size);
        return 0;
}
