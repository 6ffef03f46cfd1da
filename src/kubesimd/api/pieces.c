/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/pieces.h"

#include "basic/alloc-util.h"

#define PIECE_MAX (64 * MIB) /* an object, however it is written */

typedef struct Pieces {
        piece_t next;
        void (*free_userdata)(void *userdata);
        void *userdata;
        StrBuf piece;
        size_t sent; /* of it */
        bool last;
} Pieces;

static int make_next(Pieces *p) {
        int r;

        strbuf_clear(&p->piece);
        p->sent = 0;
        r = p->next(p->userdata, &p->piece);
        if (r >= 0 && strbuf_error(&p->piece) < 0)
                r = strbuf_error(&p->piece);
        p->last = r == 0;
        return r;
}

static ssize_t pieces_read(char *buffer, size_t size, void *userdata) {
        Pieces *p = userdata;
        size_t n = 0;

        while (n < size) {
                size_t part;

                if (p->sent == p->piece.size) {
                        int r = p->last ? -ENODATA : make_next(p);

                        if (r < 0)
                                return n > 0 && r == -ENODATA ? (ssize_t) n : r;
                        if (p->piece.size == 0 && p->last)
                                continue;
                        if (p->piece.size == 0)
                                return n > 0 ? (ssize_t) n : -EAGAIN;
                }
                part = MIN(size - n, p->piece.size - p->sent);
                memcpy(buffer + n, p->piece.data + p->sent, part);
                n += part;
                p->sent += part;
        }
        return (ssize_t) n;
}

static void pieces_free(void *userdata) {
        Pieces *p = userdata;

        p->free_userdata(p->userdata);
        strbuf_done(&p->piece);
        free(p);
}

int reply_pieces(HttpRequest *req, const char *content_type, uint64_t mark, piece_t next, void (*free_userdata)(void *userdata), void *userdata) {
        Pieces *p;

        p = new0(Pieces, 1);
        if (!p) {
                free_userdata(userdata);
                return -ENOMEM;
        }
        *p = (Pieces) { .next = next, .free_userdata = free_userdata, .userdata = userdata, .piece = STRBUF_INIT(PIECE_MAX) };
        return http_reply_stream(req, content_type, mark, true, pieces_read, pieces_free, p);
}
