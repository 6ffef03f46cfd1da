/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The terminal: colour when it is wanted, its size, a pager for long output. */

#include "basic/macro.h"

typedef enum Colour {
        COLOUR_NONE,
        COLOUR_GOOD,  /* green */
        COLOUR_WARN,  /* yellow */
        COLOUR_BAD,   /* red */
        COLOUR_HEAD,  /* underlined */
        COLOUR_DIM,   /* grey */
        COLOUR_BOLD,
        _COLOUR_MAX,
} Colour;

/* Is stdout a terminal that shows colours, and are they wanted? SYSTEMD_COLORS, NO_COLOR and TERM decide, once. */
bool colours_on(void);
/* The escape sequence, "" when colours are off. colour_off() ends it. */
const char *colour(Colour c);
const char *colour_off(void);
/* Columns and lines of stdout, 80 and 24 when it does not say. */
unsigned terminal_columns(void);
unsigned terminal_lines(void);
/* Sends stdout through $SYSTEMD_PAGER, $PAGER or less when it is a terminal; pager_close() waits for it to end. */
void pager_open(void);
void pager_close(void);
