/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>

#include "basic/string-util.h"
#include "kubesimd/api/kube/body/yaml.h"

#define KEY_MAX 512 /* longer keys need a mark of their own: readers look for the colon of others not further than 1,024 characters */

static void put_block(StrBuf *b, const Json *v, unsigned indent);

static void put_indent(StrBuf *b, unsigned indent) {
        for (unsigned i = 0; i < indent; i++)
                strbuf_putc(b, ' ');
}

/* --- Strings --- */

/* May it stand without quotes, for every reader? Some take 12:30 for a number and 2001-12-14 for a time. */
static bool is_plain(const char *s) {
        char number[YAML_NUMBER_MAX];
        size_t n = strlen(s);

        if (n > KEY_MAX || !(isalnum((unsigned char) *s) || *s == '_' || *s == '/') || strchr(" :", s[n - 1]))
                return false;
        for (const char *p = s; *p; p++)
                if (!isalnum((unsigned char) *p) && !strchr("_./+-@=~()", *p) && !(*p == ' ' && p[1] != ' ') && !(*p == ':' && p[1] != ' '))
                        return false;
        if (isdigit((unsigned char) *s) && (strchr(s, ':') || s[strspn(s, "0123456789")] == '-'))
                return false;
        return yaml_resolve(s, number) == YAML_STRING;
}

/* The length of the UTF-8 character at s when it has to be escaped, which *ret is then: C1 controls, line breaks of Unicode, the byte order
 * mark and what is no character. Else 0. */
static unsigned special_size(const unsigned char *s, unsigned *ret) {
        if (s[0] == 0xc2 && s[1] < 0xa0) {
                *ret = s[1];
                return 2;
        }
        if (s[0] < 0xe2 || s[0] > 0xef)
                return 0;
        *ret = (s[0] & 0xfU) << 12 | (s[1] & 0x3fU) << 6 | (s[2] & 0x3fU);
        return *ret == 0x2028 || *ret == 0x2029 || *ret == 0xfeff || *ret >= 0xfffe ? 3 : 0;
}

static void put_quoted(StrBuf *b, const char *s) {
        unsigned c, n;

        strbuf_putc(b, '"');
        for (const unsigned char *p = (const unsigned char*) s; *p; p += n) {
                n = 1;
                if (*p == '"' || *p == '\\')
                        strbuf_printf(b, "\\%c", *p);
                else if (*p == '\n')
                        strbuf_puts(b, "\\n");
                else if (*p == '\t')
                        strbuf_puts(b, "\\t");
                else if (*p < 0x20 || *p == 0x7f)
                        strbuf_printf(b, "\\x%02x", *p);
                else if (*p >= 0x80 && (n = special_size(p, &c)) > 0)
                        strbuf_printf(b, "\\u%04x", c);
                else {
                        strbuf_putc(b, (char) *p);
                        n = 1;
                }
        }
        strbuf_putc(b, '"');
}

void yaml_put_string(StrBuf *b, const char *s) {
        if (is_plain(s))
                strbuf_puts(b, s);
        else
                put_quoted(b, s);
}

/* Lines of text, which can be shown as they are. */
static bool is_text(const char *s) {
        size_t n = strlen(s);

        if (!strchr(s, '\n') || strchr(" \n", *s) || (n > 1 && s[n - 2] == '\n'))
                return false;
        for (const char *p = s; *p; p++)
                if (*p != '\n' && (*p < 0x20 || *p > 0x7e))
                        return false;
        return true;
}

static void put_text(StrBuf *b, const char *s, unsigned indent) {
        strbuf_puts(b, endswith(s, "\n") ? "|\n" : "|-\n");
        while (*s) {
                size_t n = strcspn(s, "\n");

                if (n > 0)
                        put_indent(b, indent);
                strbuf_append(b, s, n);
                strbuf_putc(b, '\n');
                s += n + (s[n] == '\n');
        }
}

/* --- Values --- */

static bool is_block(const Json *v) {
        return v->first;
}

/* What stands behind "key: " or "- ", with the end of its line. */
static void put_inline(StrBuf *b, const Json *v, unsigned indent) {
        if (v->type == JSON_STRING && is_text(v->text)) {
                put_text(b, v->text, indent + 2);
                return;
        }
        if (v->type == JSON_STRING)
                yaml_put_string(b, v->text);
        else
                json_put(b, v); /* also {} and [] */
        strbuf_putc(b, '\n');
}

static void put_member(StrBuf *b, const Json *v, unsigned indent) {
        if (strlen(v->key) > KEY_MAX) {
                strbuf_puts(b, "? ");
                put_quoted(b, v->key);
                strbuf_putc(b, '\n');
                put_indent(b, indent);
        } else
                yaml_put_string(b, v->key);
        if (!is_block(v)) {
                strbuf_puts(b, ": ");
                put_inline(b, v, indent);
                return;
        }
        strbuf_puts(b, ":\n");
        indent += v->type == JSON_OBJECT ? 2 : 0; /* "- " is indentation enough */
        put_indent(b, indent);
        put_block(b, v, indent);
}

/* The children of v, each on lines of its own; the first one's indentation is there. */
static void put_block(StrBuf *b, const Json *v, unsigned indent) {
        JSON_FOREACH(child, v) {
                if (child->prev)
                        put_indent(b, indent);
                if (v->type == JSON_OBJECT) {
                        put_member(b, child, indent);
                        continue;
                }
                strbuf_puts(b, "- ");
                if (is_block(child))
                        put_block(b, child, indent + 2);
                else
                        put_inline(b, child, indent);
        }
}

void yaml_put(StrBuf *b, const Json *v) {
        if (is_block(v))
                put_block(b, v, 0);
        else
                put_inline(b, v, 0);
}

void yaml_put_item(StrBuf *b, const Json *v) {
        strbuf_puts(b, "- ");
        if (is_block(v))
                put_block(b, v, 2);
        else
                put_inline(b, v, 0);
}
