/* SPDX-License-Identifier: Apache-2.0 */
#include "shared/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>

#include "basic/alloc-util.h"

typedef struct Cell {
        char *text; /* owned */
        Colour colour;
} Cell;

struct Table {
        const TableColumn *columns;
        size_t n_columns, n_cells, allocated;
        Cell *cells;
};

/* Length in bytes of the UTF-8 sequence that begins with c. */
static size_t sequence_length(unsigned char c) {
        return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

/* East Asian wide letters take two columns (Unicode TR 11, the blocks that are wide as a whole). */
static size_t letter_width(const char *s, size_t n) {
        uint32_t c = (unsigned char) s[0];

        if (n == 1)
                return 1;
        c &= 0xffU >> (n + 1);
        for (size_t i = 1; i < n; i++)
                c = c << 6 | ((unsigned char) s[i] & 0x3f);
        if (c >= 0x300 && c < 0x370)
                return 0; /* combining */
        return (c >= 0x1100 && c < 0x1160) || (c >= 0x2e80 && c < 0xa4d0) || (c >= 0xac00 && c < 0xd7a4) ||
               (c >= 0xf900 && c < 0xfb00) || (c >= 0xfe30 && c < 0xfe70) || (c >= 0xff00 && c < 0xff61) || (c >= 0x1f300 && c < 0x1f650) ? 2 : 1;
}

size_t text_width(const char *s) {
        size_t width = 0;

        while (*s) {
                size_t n = MIN(sequence_length((unsigned char) *s), strlen(s));

                width += letter_width(s, n);
                s += n;
        }
        return width;
}

int table_new(const TableColumn *columns, Table **ret) {
        Table *t;

        t = new0(Table, 1);
        if (!t)
                return -ENOMEM;
        t->columns = columns;
        while (columns[t->n_columns].title)
                t->n_columns++;
        *ret = t;
        return 0;
}

Table *table_free(Table *t) {
        if (!t)
                return NULL;
        for (size_t i = 0; i < t->n_cells; i++)
                free(t->cells[i].text);
        free(t->cells);
        return mfree(t);
}

int table_add(Table *t, Colour c, const char *format, ...) {
        char *text = NULL;
        va_list ap;
        int r;

        if (!GREEDY_REALLOC(t->cells, t->allocated, t->n_cells + 1))
                return -ENOMEM;
        va_start(ap, format);
        r = vasprintf(&text, format ?: "-", ap);
        va_end(ap);
        if (r < 0)
                return -ENOMEM;
        t->cells[t->n_cells++] = (Cell) { text, c };
        return 0;
}

size_t table_rows(const Table *t) {
        return t->n_cells / t->n_columns;
}

static size_t column_width(const Table *t, size_t column, bool legend) {
        size_t width = legend ? text_width(t->columns[column].title) : 0;

        for (size_t i = column; i < t->n_cells; i += t->n_columns)
                width = MAX(width, text_width(t->cells[i].text));
        return width;
}

static void put_spaces(StrBuf *b, size_t n) {
        while (n-- > 0)
                strbuf_putc(b, ' ');
}

/* Writes as much of s as fits into `room` columns, with an ellipsis when it is cut. */
static void put_cut(StrBuf *b, const char *s, size_t room) {
        size_t width = 0;

        if (text_width(s) <= room) {
                strbuf_puts(b, s);
                return;
        }
        while (*s) {
                size_t n = MIN(sequence_length((unsigned char) *s), strlen(s)), w = letter_width(s, n);

                if (width + w + 1 > room)
                        break;
                strbuf_append(b, s, n);
                width += w;
                s += n;
        }
        if (room > 0)
                strbuf_puts(b, "…");
}

static void put_cell(StrBuf *b, const char *text, Colour c, size_t width, bool right, bool last, size_t room) {
        size_t pad = width - MIN(width, text_width(text));

        if (right)
                put_spaces(b, pad);
        strbuf_puts(b, colour(c));
        if (last)
                put_cut(b, text, room);
        else
                strbuf_puts(b, text);
        if (c != COLOUR_NONE)
                strbuf_puts(b, colour_off());
        if (!right && !last)
                put_spaces(b, pad);
}

void table_print(const Table *t, bool legend, unsigned width, StrBuf *b) {
        size_t widths[t->n_columns], before = 0; /* a handful of columns: the table is the program's own */
        size_t rows = table_rows(t);

        for (size_t k = 0; k < t->n_columns; k++) {
                widths[k] = column_width(t, k, legend);
                if (k + 1 < t->n_columns)
                        before += widths[k] + 2;
        }
        for (size_t i = legend ? 0 : 1; i <= rows; i++) {
                for (size_t k = 0; k < t->n_columns; k++) {
                        const Cell *cell = i > 0 ? &t->cells[(i - 1) * t->n_columns + k] : NULL;
                        bool last = k + 1 == t->n_columns;
                        size_t room = width == 0 || before >= width ? SIZE_MAX : width - before;

                        put_cell(b, cell ? cell->text : t->columns[k].title, cell ? cell->colour : COLOUR_HEAD, widths[k],
                                 t->columns[k].right, last, room);
                        if (!last)
                                strbuf_puts(b, "  ");
                }
                strbuf_putc(b, '\n');
        }
}
