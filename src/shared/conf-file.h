/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Configuration files as systemd has them: one main file and drop-ins, sections and assignments, by a table.
 *
 * The main file is the first of /etc/NAME/FILE, /run/NAME/FILE, /usr/local/lib/NAME/FILE, /usr/lib/NAME/FILE. Drop-ins
 * are FILE.d/ *.conf in those directories, read after it in the order of their file names whatever the directory; of two
 * with one name that of the directory named first here counts, and a link to /dev/null or an empty file hides the
 * others (systemd-system.conf(5), "Configuration Directories and Precedence"). The last assignment wins; lists collect,
 * and an empty assignment takes everything back. */

#include "basic/macro.h"

#define CONF_FILE_MAX MIB
#define CONF_LINE_MAX (16 * KIB)

typedef struct ConfLine {
        const char *file;
        unsigned line;
        const char *section;
        const char *key;
        const char *value; /* "" takes back what was assigned */
        const void *item;  /* the row of the table */
} ConfLine;

/* Puts the value into the field that the row names. On failure *reterr says what would be right; file, line and key are added. */
typedef int (*conf_parse_t)(const ConfLine *line, void *field, Error *reterr);

typedef struct ConfItem {
        const char *section;
        const char *key;
        conf_parse_t parse;
        size_t offset; /* of the field in the struct to fill */
} ConfItem;

typedef struct ConfParser {
        const ConfItem *(*find)(const char *section, const char *key); /* NULL: there is no such key */
        void *target;
        void (*warn)(const char *file, unsigned line, const char *message, void *userdata); /* unknown keys and sections */
        void *userdata;
} ConfParser;

/* Reads assignments from text (overwritten). The first wrong value ends it: -EINVAL (or -ENOMEM) with FILE:LINE. */
int conf_parse_text(const ConfParser *p, char *text, size_t size, const char *file, Error *reterr);
/* Reads main file and drop-ins below root ("" for /). main_file, when not NULL, takes the place of all of them. */
int conf_load(const ConfParser *p, const char *root, const char *name, const char *file, const char *main_file, Error *reterr);
/* One assignment "Section.Key=Value", as of a command line. */
int conf_assign(const ConfParser *p, const char *assignment, Error *reterr);
