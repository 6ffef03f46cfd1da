/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A table of text for a terminal: columns as wide as their widest cell, numbers to the right, the last column cut to
 * what the terminal has room for. */

#include "basic/strbuf.h"
#include "shared/terminal.h"

typedef struct Table Table;

typedef struct TableColumn {
        const char *title;
        bool right; /* align to the right: numbers */
} TableColumn;

/* columns end with a NULL title; borrowed. */
int table_new(const TableColumn *columns, Table **ret);
Table *table_free(Table *t);
DEFINE_CLEANUP(Table*, table_free)
/* Adds the next cell, row by row. The text is copied; NULL is shown as "-". */
int table_add(Table *t, Colour colour, const char *format, ...) _printf_(3, 4);
size_t table_rows(const Table *t);
/* Writes it; width: columns of the terminal, 0 = do not cut. */
void table_print(const Table *t, bool legend, unsigned width, StrBuf *b);
/* How many columns of a terminal the UTF-8 text takes. */
size_t text_width(const char *s);
