/* SPDX-License-Identifier: Apache-2.0 */
/* capacity: how many more of a pod fit. */
#include <stdio.h>

#include "basic/string-util.h"
#include "kubesimctl/output.h"
#include "kubesimctl/question.h"

static int show(const Ctl *ctl, json_object *answer) {
        static const TableColumn columns[] = { { "ALGORITHM", false }, { "FITS", true }, { "WHAT RUNS OUT FIRST", false }, {} };
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * MIB);
        _cleanup_(table_freep) Table *t = NULL;
        json_object *list = NULL;

        (void) json_object_object_get_ex(answer, "algorithms", &list);
        if (table_new(columns, &t) < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                json_object *a = json_object_array_get_idx(list, i);
                bool limited = isempty(member_string(a, "reason"));

                if (table_add(t, COLOUR_NONE, "%s", member_string(a, "algorithm")) < 0 ||
                    table_add(t, COLOUR_GOOD, "%llu", (unsigned long long) member_u64(a, "fits")) < 0 ||
                    table_add(t, COLOUR_NONE, "%s", limited ? "nothing yet; more are not counted (--limit=)" : member_string(a, "reason")) < 0)
                        return ctl_error(CTL_FAILED, "Out of memory");
        }
        table_print(t, ctl->legend, 0, &b);
        output_long(ctl, &b);
        return CTL_OK;
}

int cmd_capacity(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        _cleanup_strbuf_ StrBuf path = STRBUF_INIT(16 * KIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        _cleanup_free_ char *body = NULL;
        int r;

        if (!ctl->file && !ctl->cpu && !ctl->memory)
                return ctl_error(CTL_USAGE, "Which pod? kubesimctl capacity --cpu=2 --memory=4Gi, or -f FILE");
        r = question_body(ctl, &body);
        if (r != 0)
                return r;
        strbuf_puts(&path, "/capacity");
        question_put_query(&path, "algorithm", ctl->algorithm);
        question_put_query(&path, "limit", ctl->limit);
        question_put_query(&path, "seed", ctl->seed);
        r = question_ask(ctl, "POST", strbuf_str(&path), body, &a, "work out the capacity");
        if (r != 0)
                return r;
        return ctl->json != JSON_OFF ? output_json(ctl, a.body) : show(ctl, a.body);
}
