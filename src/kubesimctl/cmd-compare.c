/* SPDX-License-Identifier: Apache-2.0 */
/* compare: the same pods under several algorithms. */
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "kubesimctl/compare-svg.h"
#include "kubesimctl/output.h"
#include "kubesimctl/question.h"

static int add_shares(Table *t, json_object *algorithm, const char *key) {
        static const char *const shares[] = { "used", "usedOfUsedNodes", "fragmentation", "deviation" };
        json_object *o = NULL;

        (void) json_object_object_get_ex(algorithm, key, &o);
        for (size_t i = 0; i < ELEMENTSOF(shares); i++)
                if (table_add(t, COLOUR_NONE, "%.1f%%", member_number(o, shares[i]) * 100) < 0)
                        return -ENOMEM;
        return 0;
}

static int add_algorithm(Table *t, json_object *a) {
        uint64_t pending = member_u64(a, "pending");

        if (table_add(t, COLOUR_NONE, "%s", member_string(a, "algorithm")) < 0 ||
            table_add(t, COLOUR_NONE, "%llu", (unsigned long long) member_u64(a, "placed")) < 0 ||
            table_add(t, pending > 0 ? COLOUR_WARN : COLOUR_NONE, "%llu", (unsigned long long) pending) < 0 ||
            table_add(t, COLOUR_NONE, "%llu", (unsigned long long) member_u64(a, "preempted")) < 0 ||
            table_add(t, COLOUR_NONE, "%llu", (unsigned long long) member_u64(a, "nodesUsed")) < 0 || add_shares(t, a, "cpu") < 0 ||
            add_shares(t, a, "memory") < 0 || table_add(t, COLOUR_NONE, "%.1f", member_number(a, "microsecondsPerPod")) < 0)
                return -ENOMEM;
        return 0;
}

/* Why the first that waits does, for each algorithm that leaves some. */
static void put_reasons(json_object *algorithms, StrBuf *b) {
        for (size_t i = 0; i < json_object_array_length(algorithms); i++) {
                json_object *a = json_object_array_get_idx(algorithms, i);

                if (member_u64(a, "pending") > 0)
                        strbuf_printf(b, "\n%s: %s waits: %s\n", member_string(a, "algorithm"), member_string(a, "firstPending"), member_string(a, "reason"));
        }
}

static int show(const Ctl *ctl, json_object *answer) {
        static const TableColumn columns[] = {
                { "ALGORITHM", false }, { "PLACED", true },   { "PENDING", true },  { "PREEMPTED", true }, { "NODES", true },   { "CPU", true },      { "OF USED", true },
                { "FRAG", true },       { "DEV", true },      { "MEMORY", true },   { "OF USED", true }, { "FRAG", true },     { "DEV", true },
                { "US/POD", true },     {},
        };
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        _cleanup_(table_freep) Table *t = NULL;
        json_object *list = NULL;

        (void) json_object_object_get_ex(answer, "algorithms", &list);
        if (table_new(columns, &t) < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        for (size_t i = 0; i < json_object_array_length(list); i++)
                if (add_algorithm(t, json_object_array_get_idx(list, i)) < 0)
                        return ctl_error(CTL_FAILED, "Out of memory");
        table_print(t, ctl->legend, 0, &b);
        if (ctl->legend)
                put_reasons(list, &b);
        output_long(ctl, &b);
        return CTL_OK;
}

static int cannot_write(const Ctl *ctl) {
        return ctl_error(CTL_FAILED, "Failed to write %s: %s", ctl->svg, strerror(errno));
}

/* Before the question, whose answer may take long: nothing is lost when it cannot be drawn. The file stays as it is until then. */
static int check_svg(const Ctl *ctl) {
        FILE *f = fopen(ctl->svg, "ae");

        if (!f)
                return cannot_write(ctl);
        (void) fclose(f);
        return CTL_OK;
}

static int write_svg(const Ctl *ctl, json_object *answer) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);
        FILE *f;
        bool good;

        compare_put_svg(answer, &b);
        if (strbuf_error(&b) < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        f = fopen(ctl->svg, "we");
        if (!f)
                return cannot_write(ctl);
        good = fputs(strbuf_str(&b), f) >= 0;
        good = fclose(f) == 0 && good;
        return good ? CTL_OK : cannot_write(ctl);
}

int cmd_compare(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        _cleanup_strbuf_ StrBuf path = STRBUF_INIT(16 * KIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        _cleanup_free_ char *body = NULL;
        int r, drawn;

        if (!ctl->file)
                return ctl_error(CTL_USAGE, "Which workload? kubesimctl compare -f FILE [--algorithms=kube,best-fit]");
        r = ctl->svg ? check_svg(ctl) : CTL_OK;
        if (r == CTL_OK)
                r = question_body(ctl, &body);
        if (r != 0)
                return r;
        strbuf_puts(&path, "/compare");
        question_put_query(&path, "algorithm", ctl->algorithm);
        question_put_query(&path, "seed", ctl->seed);
        r = question_ask(ctl, "POST", strbuf_str(&path), body, &a, "compare");
        if (r != 0)
                return r;
        drawn = ctl->svg ? write_svg(ctl, a.body) : CTL_OK;
        r = ctl->json != JSON_OFF ? output_json(ctl, a.body) : show(ctl, a.body);
        return drawn != CTL_OK ? drawn : r;
}
