/* SPDX-License-Identifier: Apache-2.0 */
/* explain: what the scheduler thinks of each node for a pod. */
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "kubesimctl/output.h"
#include "kubesimctl/question.h"

#define ALL "100000"

static json_object *member(json_object *o, const char *key) {
        json_object *m;

        return json_object_object_get_ex(o, key, &m) ? m : NULL;
}

static bool is_true(json_object *o, const char *key) {
        return json_object_get_boolean(member(o, key));
}

/* "n1, n2 and 8 more" */
static void put_nodes(json_object *group, StrBuf *b) {
        json_object *nodes = member(group, "nodes");
        size_t n = member_count(group, "nodes");

        for (size_t i = 0; i < n; i++)
                strbuf_printf(b, "%s%s", i > 0 ? ", " : "", json_object_get_string(json_object_array_get_idx(nodes, i)));
        if (member_u64(group, "count") > n)
                strbuf_printf(b, " and %llu more", (unsigned long long) member_u64(group, "count") - n);
}

static void put_reasons(json_object *group, StrBuf *b) {
        json_object *reasons = member(group, "reasons");

        for (size_t i = 0; i < member_count(group, "reasons"); i++)
                strbuf_printf(b, "%s%s", i > 0 ? ", " : "", json_object_get_string(json_object_array_get_idx(reasons, i)));
}

static int add_group(Table *t, json_object *group) {
        _cleanup_strbuf_ StrBuf nodes = STRBUF_INIT(16 * KIB), reasons = STRBUF_INIT(16 * KIB);
        bool fits = is_true(group, "fits"), winner = is_true(group, "winner");
        Colour c = winner ? COLOUR_GOOD : fits ? COLOUR_NONE : COLOUR_WARN;

        put_nodes(group, &nodes);
        put_reasons(group, &reasons);
        if (table_add(t, c, "%s", winner ? "*" : "") < 0 || table_add(t, c, "%s", strbuf_str(&nodes)) < 0 ||
            table_add(t, COLOUR_NONE, "%llu", (unsigned long long) member_u64(group, "count")) < 0 ||
            table_add(t, COLOUR_NONE, fits ? "%.0f" : "-", member_number(group, "total")) < 0 ||
            table_add(t, c, "%s", fits ? "-" : member_string(group, "plugin")) < 0 ||
            table_add(t, COLOUR_NONE, "%s", fits ? winner ? member_u64(group, "count") > 1 ? "it would go to the first of these" : "it would go here" : "fits" : strbuf_str(&reasons)) < 0)
                return -ENOMEM;
        return 0;
}

static int put_groups(const Ctl *ctl, json_object *groups, StrBuf *b) {
        static const TableColumn columns[] = { { "", false },      { "NODES", false },  { "COUNT", true }, { "TOTAL", true },
                                               { "PLUGIN", false }, { "REASON", false }, {} };
        _cleanup_(table_freep) Table *t = NULL;

        if (table_new(columns, &t) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < json_object_array_length(groups); i++)
                if (add_group(t, json_object_array_get_idx(groups, i)) < 0)
                        return -ENOMEM;
        table_print(t, ctl->legend, 0, b);
        return 0;
}

static int add_scores(Table *t, json_object *group) {
        _cleanup_strbuf_ StrBuf nodes = STRBUF_INIT(16 * KIB);
        json_object *scores = member(group, "scores");

        put_nodes(group, &nodes);
        for (size_t i = 0; i < json_object_array_length(scores); i++) {
                json_object *s = json_object_array_get_idx(scores, i);

                if (table_add(t, COLOUR_NONE, "%s", i == 0 ? strbuf_str(&nodes) : "") < 0 ||
                    table_add(t, COLOUR_NONE, "%s", member_string(s, "plugin")) < 0 || table_add(t, COLOUR_NONE, "%.0f", member_number(s, "raw")) < 0 ||
                    table_add(t, COLOUR_NONE, "%.0f", member_number(s, "normalised")) < 0 ||
                    table_add(t, COLOUR_NONE, "%.0f", member_number(s, "weight")) < 0 ||
                    table_add(t, COLOUR_NONE, "%.0f", member_number(s, "weighted")) < 0)
                        return -ENOMEM;
        }
        return 0;
}

static int put_scores(const Ctl *ctl, json_object *groups, StrBuf *b) {
        static const TableColumn columns[] = { { "NODES", false },      { "SCORE", false }, { "RAW", true },
                                               { "NORMALISED", true }, { "WEIGHT", true }, { "WEIGHTED", true }, {} };
        _cleanup_(table_freep) Table *t = NULL;

        if (table_new(columns, &t) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < json_object_array_length(groups); i++) {
                json_object *group = json_object_array_get_idx(groups, i);

                if (member(group, "scores") && add_scores(t, group) < 0)
                        return -ENOMEM;
        }
        if (table_rows(t) == 0)
                return 0;
        strbuf_putc(b, '\n');
        table_print(t, ctl->legend, 0, b);
        return 0;
}

static void put_heading(json_object *a, StrBuf *b) {
        const char *bound = member_string(a, "boundTo"), *winner = member_string(a, "winner"), *pick = member_string(a, "pick");
        json_object *notes = member(a, "notes");

        strbuf_printf(b, "%s%s%s, by %s: ", colour(COLOUR_BOLD), member_string(a, "pod"), colour_off(), member_string(a, "algorithm"));
        if (isempty(winner))
                strbuf_printf(b, "%s\n", member_string(a, "message"));
        else
                strbuf_printf(b, "%llu of %llu nodes fit, it would go to %s%s%s%s\n", (unsigned long long) member_u64(a, "feasible"),
                              (unsigned long long) member_u64(a, "nodes"), colour(COLOUR_GOOD), winner, colour_off(),
                              streq(pick, "random") || streq(pick, "two") ? " or another, by chance" : "");
        if (!isempty(bound))
                strbuf_printf(b, "It is on %s; this is as if it were to be placed now, with its own room free.\n", bound);
        for (size_t i = 0; i < json_object_array_length(notes); i++)
                strbuf_printf(b, "Note: %s.\n", json_object_get_string(json_object_array_get_idx(notes, i)));
        strbuf_putc(b, '\n');
}

static int show(const Ctl *ctl, json_object *a) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * MIB);
        json_object *groups = member(a, "groups");

        put_heading(a, &b);
        if (put_groups(ctl, groups, &b) < 0 || put_scores(ctl, groups, &b) < 0 || strbuf_error(&b) < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        if (ctl->legend && member_u64(a, "groupsLeftOut") > 0)
                strbuf_printf(&b, "\n%llu further groups are left out; all nodes: --all-nodes\n", (unsigned long long) member_u64(a, "groupsLeftOut"));
        output_long(ctl, &b);
        return CTL_OK;
}

/* POD, a beginning of its name, or NAMESPACE/POD. */
static int put_path(const Ctl *ctl, const char *given, StrBuf *path) {
        const char *slash = strchr(given, '/');
        _cleanup_free_ char *id = NULL;
        int r;

        if (slash) {
                _cleanup_free_ char *namespace = strndup(given, (size_t) (slash - given));

                if (!namespace)
                        return ctl_error(CTL_FAILED, "Out of memory");
                strbuf_printf(path, "/pods/%s/explain", slash + 1);
                question_put_query(path, "namespace", namespace);
                return 0;
        }
        r = ctl_resolve(ctl, "pods", given, &id);
        if (r == 0)
                strbuf_printf(path, "/pods/%s/explain", id);
        return r;
}

int cmd_explain(Ctl *ctl, int argc, char *argv[]) {
        _cleanup_strbuf_ StrBuf path = STRBUF_INIT(16 * KIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        _cleanup_free_ char *body = NULL;
        bool what_if = ctl->what_if || ctl->file;
        int r = 0;

        if (what_if == (argc > 1) || (what_if && !ctl->file && !ctl->cpu && !ctl->memory))
                return ctl_error(CTL_USAGE, "Usage: kubesimctl explain POD, or kubesimctl explain --what-if -f FILE (or --cpu=, --memory=)");
        if (what_if) {
                strbuf_puts(&path, "/explain");
                r = question_body(ctl, &body);
        } else
                r = put_path(ctl, argv[1], &path);
        if (r != 0)
                return r;
        question_put_query(&path, "algorithm", ctl->algorithm);
        question_put_query(&path, "each", ctl->all_nodes ? "1" : NULL);
        question_put_query(&path, "limit", ctl->all_nodes ? ALL : NULL);
        r = question_ask(ctl, what_if ? "POST" : "GET", strbuf_str(&path), body, &a, "explain");
        if (r != 0)
                return r;
        return ctl->json != JSON_OFF ? output_json(ctl, a.body) : show(ctl, a.body);
}
