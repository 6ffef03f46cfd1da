/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/protocol.h"

#include "basic/alloc-util.h"
#include "basic/json-writer.h"

void beat_begin(StrBuf *b, const char *node, const char *status) {
        strbuf_puts(b, "{\"nodeID\":");
        json_put_string(b, node);
        strbuf_puts(b, ",\"status\":");
        json_put_string(b, status);
}

void beat_end(StrBuf *b, const char *instance, uint64_t sequence, uint64_t revision) {
        strbuf_puts(b, ",\"instance\":");
        json_put_string(b, instance);
        strbuf_puts(b, ",\"sequence\":");
        strbuf_put_u64(b, sequence);
        strbuf_puts(b, ",\"revision\":");
        strbuf_put_u64(b, revision);
        strbuf_puts(b, ",\"version\":\"" KUBESIM_VERSION "\"}");
}

static const JsonField fields[] = {
        { .name = "pods", .type = JSON_FIELD_STRINGS, .offset = offsetof(BeatAnswer, pods) },
        { .name = "revision", .type = JSON_FIELD_I64, .offset = offsetof(BeatAnswer, revision) },
        { .name = "interval", .type = JSON_FIELD_USEC, .offset = offsetof(BeatAnswer, interval) },
        { .name = "stop", .type = JSON_FIELD_BOOL, .offset = offsetof(BeatAnswer, stop) },
};

int beat_answer_read(char *text, size_t size, BeatAnswer *ret, Error *reterr) {
        *ret = (BeatAnswer) {};
        return json_parse_object(text, size, fields, ELEMENTSOF(fields), false, ret, reterr);
}

void beat_answer_done(BeatAnswer *a) {
        a->pods.items = mfree(a->pods.items);
        a->pods.n_items = 0;
}

const char *beat_refusal_advice(unsigned status) {
        static const struct {
                unsigned status;
                const char *advice;
        } advices[] = {
                { 401, "it does not know this agent's token: give it the credential kubesim.agent.token or TOKEN_FILE=" },
                { 403, "this agent's token is for another node or role" },
                { 409, "another agent beats for this node: stop one of them, or give this one another NODE_ID" },
        };

        for (size_t i = 0; i < ELEMENTSOF(advices); i++)
                if (advices[i].status == status)
                        return advices[i].advice;
        return NULL;
}
