/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/types/support.h"

#include "basic/alloc-util.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"

__asm__(".pushsection .rodata\n"
        "kubesim_support_begin:\n"
        ".incbin \"src/kubesimd/api/kube/types/support.tsv\"\n"
        "kubesim_support_end:\n"
        ".byte 0\n"
        ".popsection\n");
extern const char kubesim_support_begin[], kubesim_support_end[];

#define LINES_MAX 1000
#define COLUMNS 5

/* The table once it is read, sorted; all of it points into `text`. */
typedef struct Table {
        char *text;
        Support *lines;
        size_t n_lines;
} Table;

static const Support kept = { .message = "*", .field = "*", .mark = "kept", .test = "-", .words = "" };

static int compare_lines(const void *a, const void *b) {
        const Support *x = a, *y = b;
        int c = strcmp(x->message, y->message);

        return c != 0 ? c : strcmp(x->field, y->field);
}

static void read_line(char *line, Table *t) {
        const char *columns[COLUMNS];
        size_t n = 0;

        if (*line == '#' || t->n_lines >= LINES_MAX)
                return;
        for (char *p = line; p && n < COLUMNS; n++) {
                columns[n] = p;
                p = strchr(p, '\t');
                if (p)
                        *p++ = '\0';
        }
        if (n == COLUMNS)
                t->lines[t->n_lines++] = (Support) { columns[0], columns[1], columns[2], columns[3], columns[4] };
}

static const Table *table(void) {
        static Table t;
        char *save = NULL;

        if (t.lines)
                return &t;
        t.text = strndup(kubesim_support_begin, (size_t) (kubesim_support_end - kubesim_support_begin));
        t.lines = t.text ? new0(Support, LINES_MAX) : NULL;
        if (!t.lines) {
                free(t.text);
                return &t; /* nothing is said of anything; the next one who asks tries again */
        }
        for (char *line = strtok_r(t.text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
                read_line(line, &t);
        qsort(t.lines, t.n_lines, sizeof(Support), compare_lines);
        return &t;
}

static const Support *find(const char *message, const char *field) {
        const Table *t = table();
        Support wanted = { .message = message, .field = field };

        return t->n_lines == 0 ? NULL : bsearch(&wanted, t->lines, t->n_lines, sizeof(Support), compare_lines);
}

const Support *support_of_field(const char *message, const char *field) {
        const Support *s = find(message, field) ?: find(message, "*");

        return (s ?: find("*", field)) ?: &kept;
}

const Support *support_of_kind(const char *message) {
        return (message ? find(message, ".") : NULL) ?: &kept;
}

/* A mark in the words that "kubectl explain" shows. */
static const char *explain(const char *mark) {
        static const char *const words[][2] = {
                { "alive", "Simulated" },   { "made", "Written by kubesim" },
                { "kept", "Kept, not simulated" }, { "checked", "Checked and kept, not simulated" },
                { "dropped", "Not stored" }, { "refused", "Refused" },
        };

        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                if (streq(words[i][0], mark))
                        return words[i][1];
        return mark;
}

void support_put(const Support *s, StrBuf *b) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(4 * KIB);

        strbuf_printf(&text, "%s%s%s.", explain(s->mark), *s->words ? ": " : "", s->words);
        strbuf_puts(b, ",\"description\":");
        json_put_string(b, strbuf_str(&text));
        strbuf_printf(b, ",\"x-kubesim\":\"%s\"", s->mark);
}
