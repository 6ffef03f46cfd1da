/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimctl/compare-svg.h"

#include "basic/string-util.h"

#define COLUMNS 2
#define PANEL 460    /* pixels wide */
#define LABEL 190    /* of them for the names */
#define BAR 190      /* for the longest bar */
#define ROW 20
#define HEAD 34      /* title of a panel */
#define MARGIN 16
#define TOP 40       /* title of the picture */

typedef struct Panel {
        const char *title;
        const char *object, *key; /* object: NULL = the algorithm itself */
        bool share;               /* in percent, and the bar of all of it is as long as there is room for */
} Panel;

static const Panel panels[] = {
        { "Pods placed", NULL, "placed", false },
        { "Nodes with pods", NULL, "nodesUsed", false },
        { "CPU used, of nodes with pods", "cpu", "usedOfUsedNodes", true },
        { "Memory used, of nodes with pods", "memory", "usedOfUsedNodes", true },
        { "Fragmentation of CPU", "cpu", "fragmentation", true },
        { "Fragmentation of memory", "memory", "fragmentation", true },
        { "Imbalance of CPU (standard deviation)", "cpu", "deviation", true },
        { "Imbalance of memory (standard deviation)", "memory", "deviation", true },
};

static double value_of(json_object *algorithm, const Panel *p) {
        json_object *o = algorithm;

        if (p->object && !json_object_object_get_ex(algorithm, p->object, &o))
                return 0;
        return member_number(o, p->key);
}

static void put_text(StrBuf *b, const char *s) {
        for (; *s; s++)
                switch (*s) {
                case '<':
                        strbuf_puts(b, "&lt;");
                        break;
                case '>':
                        strbuf_puts(b, "&gt;");
                        break;
                case '&':
                        strbuf_puts(b, "&amp;");
                        break;
                default:
                        strbuf_putc(b, *s);
                }
}

static double longest(json_object *list, const Panel *p) {
        double most = p->share ? 1 : 0;

        for (size_t i = 0; i < json_object_array_length(list); i++) {
                double v = value_of(json_object_array_get_idx(list, i), p);

                most = v > most ? v : most;
        }
        return most > 0 ? most : 1;
}

static void put_panel(json_object *list, const Panel *p, unsigned x, unsigned y, StrBuf *b) {
        double most = longest(list, p);

        strbuf_printf(b, "<text class=\"h\" x=\"%u\" y=\"%u\">", x, y + 20);
        put_text(b, p->title);
        strbuf_puts(b, "</text>\n");
        for (unsigned i = 0; i < json_object_array_length(list); i++) {
                json_object *a = json_object_array_get_idx(list, i);
                double v = value_of(a, p), width = v / most * BAR;
                unsigned at = y + HEAD + i * ROW;

                strbuf_printf(b, "<text class=\"t\" x=\"%u\" y=\"%u\" text-anchor=\"end\">", x + LABEL - 8, at + 13);
                put_text(b, member_string(a, "algorithm"));
                strbuf_printf(b, "</text><rect class=\"bar\" x=\"%u\" y=\"%u\" width=\"%.1f\" height=\"%u\"/>", x + LABEL, at + 2, width, (unsigned) ROW - 5);
                strbuf_printf(b, "<text class=\"t\" x=\"%.1f\" y=\"%u\">", x + LABEL + width + 6, at + 13);
                strbuf_printf(b, p->share ? "%.1f %%" : "%.0f", p->share ? v * 100 : v);
                strbuf_puts(b, "</text>\n");
        }
}

void compare_put_svg(json_object *answer, StrBuf *b) {
        unsigned rows = (ELEMENTSOF(panels) + COLUMNS - 1) / COLUMNS, height, panel, width = COLUMNS * PANEL + 2 * MARGIN;
        json_object *list = NULL;

        (void) json_object_object_get_ex(answer, "algorithms", &list);
        panel = HEAD + (unsigned) json_object_array_length(list) * ROW + MARGIN;
        height = TOP + rows * panel + MARGIN;
        strbuf_printf(b, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" viewBox=\"0 0 %u %u\" role=\"img\">\n", width, height, width, height);
        strbuf_puts(b, "<style>\n.b{fill:#fff}.t,.h{fill:#222;font:12px sans-serif}.h{font-weight:bold;font-size:13px}.bar{fill:#3b78c3}\n"
                       "@media (prefers-color-scheme: dark){.b{fill:#1c1c1e}.t,.h{fill:#ddd}.bar{fill:#6aa5ea}}\n</style>\n");
        strbuf_printf(b, "<title>%llu pods on %llu nodes</title>\n<rect class=\"b\" width=\"%u\" height=\"%u\"/>\n", (unsigned long long) member_u64(answer, "pods"),
                      (unsigned long long) member_u64(answer, "nodes"), width, height);
        strbuf_printf(b, "<text class=\"h\" x=\"%u\" y=\"26\">%llu pods on %llu nodes, by algorithm</text>\n", (unsigned) MARGIN,
                      (unsigned long long) member_u64(answer, "pods"), (unsigned long long) member_u64(answer, "nodes"));
        for (unsigned i = 0; i < ELEMENTSOF(panels); i++)
                put_panel(list, &panels[i], MARGIN + i % COLUMNS * PANEL, TOP + i / COLUMNS * panel, b);
        strbuf_puts(b, "</svg>\n");
}
