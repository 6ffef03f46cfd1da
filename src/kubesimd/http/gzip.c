/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/http/gzip.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"

/* As kube-apiserver: the other levels cost several times as much for a few percent. */
#define LEVEL 1
#define WINDOW_BITS (15 + 16) /* 16: with gzip's head and tail */
#define MEMORY_LEVEL 8
/* So much is compressed at a time: a fraction of a millisecond. */
#define STEP (32 * KIB)

struct Gzip {
        z_stream z;
        http_stream_read_t read;
        void (*free_source)(void *userdata);
        void *userdata;
        unsigned *counter; /* weak */
        bool source_ended, ended;
        unsigned char input[STEP];
};

/* A weight in thousandths from what follows the name: ";q=0.5". One that nobody can read is none. */
static unsigned parse_weight(const char *s, const char *end) {
        unsigned weight = 0, unit = 1000;

        while (s < end && strchr(" \t;", *s))
                s++;
        if (s == end)
                return 1000;
        if (end - s < 3 || strncasecmp(s, "q=", 2) != 0)
                return 0;
        for (s += 2; s < end && unit > 0; s++) {
                if (*s == '.' && unit == 100)
                        continue;
                if (*s < '0' || *s > '9')
                        break;
                weight += unit * (unsigned) (*s - '0');
                unit /= 10;
        }
        return MIN(weight, 1000U);
}

static bool is_name(const char *s, size_t size, const char *name) {
        return size == strlen(name) && strncasecmp(s, name, size) == 0;
}

bool gzip_is_wanted(const char *accept_encoding) {
        int gzip = -1, identity = 0, any = 0;

        for (const char *s = strempty(accept_encoding); *s;) {
                const char *end = s + strcspn(s, ",");
                size_t size;
                int weight;

                s += strspn(s, " \t");
                size = strcspn(s, " \t;,");
                weight = s < end ? (int) parse_weight(s + size, end) : 0;
                if (is_name(s, size, "gzip") || is_name(s, size, "x-gzip"))
                        gzip = weight;
                else if (is_name(s, size, "identity"))
                        identity = weight;
                else if (is_name(s, size, "*"))
                        any = weight;
                s = *end ? end + 1 : end;
        }
        if (gzip < 0)
                gzip = any;
        return gzip > 0 && gzip >= identity;
}

int gzip_new(http_stream_read_t read, void (*free_source)(void *userdata), void *userdata, unsigned *counter, Gzip **ret) {
        Gzip *g;

        g = malloc(sizeof(Gzip));
        if (!g)
                return -ENOMEM;
        g->z = (z_stream) {};
        if (deflateInit2(&g->z, LEVEL, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
                free(g);
                return -ENOMEM;
        }
        g->read = read;
        g->free_source = free_source;
        g->userdata = userdata;
        g->counter = counter;
        g->source_ended = g->ended = false;
        (*counter)++;
        *ret = g;
        return 0;
}

void gzip_free(void *userdata) {
        Gzip *g = userdata;

        (void) deflateEnd(&g->z);
        g->free_source(g->userdata);
        (*g->counter)--;
        free(g);
}

/* Asks the source for more: 1, 0 when it has nothing now, or its error; its end is 1 as well. */
static int fill(Gzip *g) {
        ssize_t n;

        if (g->z.avail_in > 0 || g->source_ended)
                return 1;
        n = g->read((char*) g->input, STEP, g->userdata);
        if (n < 0 && n != -ENODATA)
                return (int) n;
        g->source_ended = n == -ENODATA;
        g->z.next_in = g->input;
        g->z.avail_in = n > 0 ? (uInt) n : 0;
        return n != 0;
}

ssize_t gzip_read(char *buffer, size_t size, void *userdata) {
        Gzip *g = userdata;
        int r = 1;

        g->z.next_out = (unsigned char*) buffer;
        g->z.avail_out = (uInt) MIN(size, (size_t) STEP);
        size = g->z.avail_out;
        while (!g->ended && g->z.avail_out == size && (r = fill(g)) > 0) {
                /* What is very much alike goes in for long and nothing comes out, unless it is asked for. */
                int z = deflate(&g->z, g->source_ended ? Z_FINISH : Z_PARTIAL_FLUSH);

                if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
                        return -EIO;
                g->ended = z == Z_STREAM_END;
        }
        if (g->z.avail_out < size)
                return (ssize_t) (size - g->z.avail_out);
        return r < 0 ? r : g->ended ? -ENODATA : 0;
}
