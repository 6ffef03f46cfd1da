/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/native/calls.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

#define CALLERS_MAX 256
#define QUEUE_MAX MIB /* names that have not been read; more are left out */
#define SIGN_USEC (20 * USEC_PER_SEC)

typedef struct Caller {
        ListLink link;
        Calls *calls;
        HttpRequest *req;
        char *prefix; /* owned */
        StrBuf lines; /* not yet sent from `sent` on */
        size_t sent;
} Caller;

void calls_init(Calls *c) {
        *c = (Calls) { .sign_due = USEC_INFINITY };
        list_init(&c->all);
}

static void put_line(Caller *caller, const char *line) {
        size_t n = strlen(line);

        if (caller->lines.size + n + 1 > QUEUE_MAX || !strbuf_reserve(&caller->lines, n + 1)) {
                caller->lines.error = 0; /* what was there before is whole, and is worth sending */
                return;
        }
        strbuf_append(&caller->lines, line, n);
        strbuf_putc(&caller->lines, '\n');
        http_stream_wake(caller->req);
}

void calls_tell(Calls *c, const char *node) {
        Caller *caller;

        LIST_FOREACH(caller, &c->all, Caller, link)
                if (startswith(node, caller->prefix))
                        put_line(caller, node);
}

bool calls_reach(const Calls *c, const char *node) {
        Caller *caller;

        LIST_FOREACH(caller, &c->all, Caller, link)
                if (startswith(node, caller->prefix))
                        return true;
        return false;
}

void calls_sign(Calls *c, usec_t now) {
        Caller *caller;

        if (now < c->sign_due)
                return;
        LIST_FOREACH(caller, &c->all, Caller, link)
                put_line(caller, "");
        c->sign_due = c->n > 0 ? usec_add(now, SIGN_USEC) : USEC_INFINITY;
}

static ssize_t caller_read(char *buffer, size_t size, void *userdata) {
        Caller *caller = userdata;
        size_t n = MIN(size, caller->lines.size - caller->sent);

        if (n > 0)
                memcpy(buffer, caller->lines.data + caller->sent, n);
        caller->sent += n;
        if (caller->sent == caller->lines.size) {
                strbuf_clear(&caller->lines);
                caller->sent = 0;
        }
        return (ssize_t) n;
}

static void caller_free(void *userdata) {
        Caller *caller = userdata;

        list_remove(&caller->link);
        caller->calls->n--;
        strbuf_done(&caller->lines);
        free(caller->prefix);
        free(caller);
}

int calls_reply(Calls *c, HttpRequest *req, const char *prefix, Error *reterr) {
        Caller *caller;

        if (c->n >= CALLERS_MAX)
                return error_set(reterr, -EDQUOT, "there are %u such streams already, which is the most", c->n);
        caller = new0(Caller, 1);
        if (!caller)
                return error_set(reterr, -ENOMEM, "out of memory");
        *caller = (Caller) { .calls = c, .req = req, .prefix = strdup(prefix), .lines = STRBUF_INIT(QUEUE_MAX + 1) };
        if (!caller->prefix) {
                free(caller);
                return error_set(reterr, -ENOMEM, "out of memory");
        }
        strbuf_putc(&caller->lines, '\n'); /* so that the other side knows at once that it is listened to */
        list_append(&c->all, &caller->link);
        c->n++;
        c->sign_due = MIN(c->sign_due, usec_add(now_monotonic(), SIGN_USEC));
        return http_reply_stream(req, "text/plain; charset=utf-8", 0, false, caller_read, caller_free, caller);
}
