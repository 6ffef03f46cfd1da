/* SPDX-License-Identifier: Apache-2.0 */
/* Faults that are injected into virtual nodes. */
#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimctl/output.h"

/* Appends the nodes that are meant: names, a selector, or all. 0, or an exit code. */
static int put_choice(const Ctl *ctl, int argc, char *argv[], StrBuf *b) {
        if (argc == 1 && !ctl->selector && !ctl->all && !ctl->count_given)
                return ctl_error(CTL_USAGE, "Say which nodes: names, -l KEY=VALUE, --count=N (by lot) or --all");
        if (argc > 1 && (ctl->selector || ctl->all || ctl->count_given))
                return ctl_error(CTL_USAGE, "Give either names or -l, --count= and --all");
        strbuf_printf(b, "\"all\":%s", argc == 1 && !ctl->selector ? "true" : "false");
        if (ctl->selector) {
                strbuf_puts(b, ",\"selector\":");
                json_put_string(b, ctl->selector);
        }
        for (int i = 1; i < argc; i++) {
                strbuf_puts(b, i == 1 ? ",\"nodes\":[" : ",");
                json_put_string(b, argv[i]);
        }
        strbuf_puts(b, argc > 1 ? "]" : "");
        return CTL_OK;
}

static int put_spans(const Ctl *ctl, StrBuf *b) {
        const struct {
                const char *option, *member, *value;
        } spans[] = { { "for", "for", ctl->span }, { "delay", "delay", ctl->delay }, { "period", "period", ctl->period } };
        usec_t usec;

        for (size_t i = 0; i < ELEMENTSOF(spans); i++) {
                if (!spans[i].value)
                        continue;
                if (parse_usec(spans[i].value, &usec) < 0 || usec == 0)
                        return ctl_error(CTL_USAGE, "--%s=%s: it must be a time span such as 30s or 5min", spans[i].option, spans[i].value);
                if (usec == USEC_INFINITY)
                        continue;
                strbuf_printf(b, ",\"%s\":", spans[i].member);
                json_put_seconds(b, usec);
        }
        return CTL_OK;
}

/* --count= and --seed=. A lot without a seed is another one each time, and says which it was. */
static int put_lot(const Ctl *ctl, StrBuf *b) {
        uint64_t seed = now_realtime() % 1000000;

        if (ctl->seed && parse_u64_range(ctl->seed, 0, INT64_MAX, &seed) < 0)
                return ctl_error(CTL_USAGE, "--seed=%s: it must be a number", ctl->seed);
        if (!ctl->count_given)
                return CTL_OK;
        strbuf_printf(b, ",\"count\":%llu,\"seed\":%llu", (unsigned long long) ctl->count, (unsigned long long) seed);
        if (!ctl->seed && !ctl->quiet)
                (void) fprintf(stderr, "By lot, the same again with --seed=%llu\n", (unsigned long long) seed);
        return CTL_OK;
}

static int ask(const Ctl *ctl, const char *path, StrBuf *body, const char *what, Answer *ret) {
        int r;

        r = ctl_call(ctl, "POST", path, strbuf_str(body), ret, "%s", what);
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF)
                return output_json(ctl, ret->body);
        if (!ctl->quiet)
                printf("%s\n", member_string(ret->body, "message"));
        return CTL_OK;
}

int cmd_fail_node(Ctl *ctl, int argc, char *argv[]) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        int r;

        strbuf_puts(&b, "{\"kind\":");
        json_put_string(&b, ctl->kind ?: "hang");
        strbuf_putc(&b, ',');
        r = put_choice(ctl, argc, argv, &b);
        if (r == CTL_OK)
                r = put_spans(ctl, &b);
        if (r == CTL_OK)
                r = put_lot(ctl, &b);
        strbuf_putc(&b, '}');
        if (r == CTL_OK)
                r = ask(ctl, "/faults", &b, "inject the fault", &a);
        if (r == CTL_OK && ctl->json == JSON_OFF && !ctl->quiet && member_u64(a.body, "agents") > 0)
                printf("%llu agent-backed nodes were left out; they fail with their service (systemctl kill, freeze, stop)\n",
                       (unsigned long long) member_u64(a.body, "agents"));
        if (r == CTL_OK && ctl->json == JSON_OFF && !ctl->quiet && member_u64(a.body, "faulty") > 0)
                printf("%llu nodes were left out, as they have a fault already\n", (unsigned long long) member_u64(a.body, "faulty"));
        return r;
}

int cmd_recover_node(Ctl *ctl, int argc, char *argv[]) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        int r;

        if (ctl->count_given)
                return ctl_error(CTL_USAGE, "Give names, -l or --all");
        strbuf_putc(&b, '{');
        r = put_choice(ctl, argc, argv, &b);
        strbuf_putc(&b, '}');
        return r == CTL_OK ? ask(ctl, "/faults/recover", &b, "recover the nodes", &a) : r;
}

static int add_row(Table *t, json_object *fault) {
        const char *until = member_string(fault, "until"), *selector = member_string(fault, "selector");
        char ago[64];

        if (table_add(t, COLOUR_NONE, "%s", member_string(fault, "fault")) < 0 || table_add(t, COLOUR_BAD, "%s", member_string(fault, "kind")) < 0 ||
            table_add(t, COLOUR_NONE, "%llu", (unsigned long long) member_u64(fault, "nodes")) < 0 ||
            table_add(t, COLOUR_NONE, "%s", format_ago(ago, sizeof(ago), member_string(fault, "since"), now_realtime())) < 0 ||
            table_add(t, COLOUR_NONE, "%s", isempty(until) ? "taken back" : until) < 0 || table_add(t, COLOUR_NONE, "%s", isempty(selector) ? "-" : selector) < 0)
                return -ENOMEM;
        return 0;
}

int cmd_list_faults(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        static const TableColumn columns[] = { { "FAULT", false }, { "KIND", false },  { "NODES", true },
                                               { "SINCE", false }, { "UNTIL", false }, { "SELECTOR", false }, {} };
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * MIB);
        _cleanup_(table_freep) Table *t = NULL;
        _cleanup_answer_ Answer a = ANSWER_INIT;
        json_object *list;
        int r;

        r = ctl_call(ctl, "GET", "/faults", NULL, &a, "list the faults");
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF)
                return output_json(ctl, a.body);
        r = table_new(columns, &t);
        if (json_object_object_get_ex(a.body, "faults", &list))
                for (size_t i = 0; i < json_object_array_length(list) && r >= 0; i++)
                        r = add_row(t, json_object_array_get_idx(list, i));
        if (r < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        table_print(t, ctl->legend, 0, &b);
        if (table_rows(t) == 0 && ctl->legend)
                strbuf_puts(&b, "\nNo faults. Inject one: kubesimctl fail-node --count=1 --for=1min\n");
        output_long(ctl, &b);
        return CTL_OK;
}
