/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimctl/ctl.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "basic/fd-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimctl/output.h"

#define TOKEN_MAX (4 * KIB)
#define REQUEST_TIMEOUT_SEC 60L
#define PATIENT_TIMEOUT_SEC 600L

static void easy_cleanup(CURL *c) {
        curl_easy_cleanup(c);
}
DEFINE_CLEANUP(CURL*, easy_cleanup)
static void slist_free(struct curl_slist *l) {
        curl_slist_free_all(l);
}
typedef struct curl_slist Slist;
DEFINE_CLEANUP(Slist*, slist_free)

void answer_done(Answer *a) {
        json_object_put(a->body);
        strbuf_done(&a->text);
        *a = ANSWER_INIT;
}

int ctl_error(int code, const char *format, ...) {
        bool red = isatty(STDERR_FILENO) && colours_on();
        va_list ap;

        (void) fflush(stdout);
        va_start(ap, format);
        if (red)
                (void) fputs("\033[31m", stderr);
        (void) vfprintf(stderr, format, ap);
        if (red)
                (void) fputs("\033[0m", stderr);
        (void) fputc('\n', stderr);
        va_end(ap);
        return code;
}

static int exit_code_of(unsigned status) {
        switch (status) {
        case 404:
                return CTL_NOT_FOUND;
        case 409:
                return CTL_CONFLICT;
        case 401:
        case 403:
                return CTL_NO_PERMISSION;
        default:
                return CTL_FAILED;
        }
}

int ctl_problem(const Answer *a, const char *what) {
        const char *detail = a->body ? member_string(a->body, "detail") : "";

        if (isempty(detail) && a->body) /* a Status of the Kubernetes door */
                detail = member_string(a->body, "message");
        (void) ctl_error(0, "Failed to %s: %s", what, isempty(detail) ? "the server gave no reason" : detail);
        if (a->status == 401)
                (void) ctl_error(0, "Give a token with --token-file=FILE, or use the Unix socket as root or a member of the group kubesim.");
        if (a->status == 507)
                (void) ctl_error(0, "Make room on the disk of /var/lib/kubesim; kubesimd goes on by itself then.");
        return exit_code_of(a->status);
}

/* What to do when there is no connection. */
static int explain_connection(const Ctl *ctl, CURLcode code, const char *socket) {
        if (ctl->server)
                return ctl_error(CTL_NO_CONNECTION, "Failed to connect to %s: %s\nDoes kubesimd listen there? See kubesimd-http.socket.",
                                 ctl->server, curl_easy_strerror(code));
        if (access(socket, F_OK) >= 0 && access(socket, R_OK | W_OK) < 0)
                return ctl_error(CTL_NO_PERMISSION,
                                 "Failed to connect to %s: permission denied\nBe root, or a member of the group kubesim: "
                                 "sudo usermod -aG kubesim $USER && newgrp kubesim", socket);
        return ctl_error(CTL_NO_CONNECTION, "Failed to connect to %s: %s\nIs kubesimd there? Try: systemctl start kubesimd.socket", socket,
                         access(socket, F_OK) < 0 ? "there is no such socket" : curl_easy_strerror(code));
}

static size_t take_text(char *data, size_t one _unused_, size_t size, void *userdata) {
        strbuf_append(userdata, data, size);
        return strbuf_error(userdata) < 0 ? 0 : size;
}

static size_t take_header(char *data, size_t one _unused_, size_t size, void *userdata) {
        static const char name[] = "X-Revision:";
        char digits[24] = "";
        uint64_t *revision = userdata;
        size_t i;

        if (size > strlen(name) && strncasecmp(data, name, strlen(name)) == 0) {
                for (i = strlen(name); i < size && data[i] == ' '; i++)
                        ;
                for (size_t k = 0; i < size && k < sizeof(digits) - 1 && data[i] >= '0' && data[i] <= '9'; i++)
                        digits[k++] = data[i];
                (void) parse_u64(digits, revision);
        }
        return size;
}

static int add_token(const Ctl *ctl, struct curl_slist **headers) {
        _cleanup_free_ char *text = NULL, *line = NULL;
        struct curl_slist *list;
        int r;

        if (!ctl->token_file)
                return 0;
        r = read_file(ctl->token_file, TOKEN_MAX, &text, NULL);
        if (r < 0)
                return ctl_error(CTL_NO_PERMISSION, "Failed to read the token in %s: %s", ctl->token_file, strerror(-r));
        text[strcspn(text, " \t\r\n")] = '\0'; /* a line of the tokens file will do, too */
        if (asprintf(&line, "Authorization: Bearer %s", text) < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        list = curl_slist_append(*headers, line);
        if (list)
                *headers = list;
        return 0;
}

static int set_up(const Ctl *ctl, const char *socket, const char *method, const char *path, const char *body, CURL *easy,
                  struct curl_slist **headers) {
        _cleanup_free_ char *url = NULL;
        int r;

        if (asprintf(&url, "%s%s", ctl->server && socket == ctl->socket ? ctl->server : "http://localhost", path) < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        r = add_token(ctl, headers);
        if (r != 0)
                return r;
        *headers = curl_slist_append(*headers, "Content-Type: application/json");
        (void) curl_easy_setopt(easy, CURLOPT_URL, url);
        (void) curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
        (void) curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *headers);
        (void) curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
        if (body)
                (void) curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        if (!ctl->server || socket != ctl->socket)
                (void) curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket);
        return 0;
}

static int request_at(const Ctl *ctl, const char *socket, const char *method, const char *path, const char *body, Answer *ret) {
        _cleanup_(easy_cleanupp) CURL *easy = curl_easy_init();
        _cleanup_(slist_freep) Slist *headers = NULL;
        CURLcode code;
        long status = 0;
        int r;

        if (!easy)
                return ctl_error(CTL_FAILED, "Out of memory");
        r = set_up(ctl, socket, method, path, body, easy, &headers);
        if (r != 0)
                return r;
        (void) curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_text);
        (void) curl_easy_setopt(easy, CURLOPT_WRITEDATA, &ret->text);
        (void) curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
        (void) curl_easy_setopt(easy, CURLOPT_HEADERDATA, &ret->revision);
        (void) curl_easy_setopt(easy, CURLOPT_TIMEOUT, ctl->patient ? PATIENT_TIMEOUT_SEC : REQUEST_TIMEOUT_SEC);
        code = curl_easy_perform(easy);
        if (code != CURLE_OK)
                return explain_connection(ctl, code, socket);
        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        ret->status = (unsigned) status;
        ret->body = json_tokener_parse(strbuf_str(&ret->text));
        return 0;
}

int ctl_request(const Ctl *ctl, const char *method, const char *path, const char *body, Answer *ret) {
        return request_at(ctl, ctl->socket, method, path, body, ret);
}

int ctl_request_agent(const Ctl *ctl, const char *node, const char *method, const char *path, Answer *ret) {
        _cleanup_free_ char *socket = NULL;

        if (asprintf(&socket, "%s/%s.sock", ctl->agents_dir, node) < 0)
                return ctl_error(CTL_FAILED, "Out of memory");
        if (access(socket, F_OK) < 0)
                return ctl_error(CTL_NOT_FOUND, "There is no agent of node \"%s\" on this machine (%s)", node, socket);
        return request_at(ctl, socket, method, path, NULL, ret);
}

int ctl_call(const Ctl *ctl, const char *method, const char *path, const char *body, Answer *ret, const char *format, ...) {
        _cleanup_free_ char *what = NULL;
        va_list ap;
        int r;

        r = ctl_request(ctl, method, path, body, ret);
        if (r != 0 || ret->status / 100 == 2)
                return r;
        va_start(ap, format);
        if (vasprintf(&what, format, ap) < 0)
                what = NULL;
        va_end(ap);
        return ctl_problem(ret, what ?: "do it");
}

typedef struct Lines {
        StrBuf rest; /* of a line that is not complete */
        int (*line)(char *text, void *userdata);
        void *userdata;
} Lines;

static size_t take_lines(char *data, size_t one _unused_, size_t size, void *userdata) {
        Lines *l = userdata;
        char *begin, *end;

        strbuf_append(&l->rest, data, size);
        if (strbuf_error(&l->rest) < 0)
                return 0;
        begin = (char*) strbuf_str(&l->rest);
        while ((end = strchr(begin, '\n'))) {
                *end = '\0';
                if (*begin && l->line(begin, l->userdata) < 0)
                        return 0;
                begin = end + 1;
        }
        l->rest.size -= (size_t) (begin - l->rest.data);
        memmove(l->rest.data, begin, l->rest.size);
        return size;
}

int ctl_stream(const Ctl *ctl, const char *path, int (*line)(char *text, void *userdata), void *userdata, unsigned *ret_status) {
        _cleanup_(easy_cleanupp) CURL *easy = curl_easy_init();
        _cleanup_(slist_freep) Slist *headers = NULL;
        Lines lines = { .rest = STRBUF_INIT(64 * MIB), .line = line, .userdata = userdata };
        long status = 0;
        CURLcode code;
        int r;

        *ret_status = 0;
        if (!easy)
                return ctl_error(CTL_FAILED, "Out of memory");
        r = set_up(ctl, ctl->socket, "GET", path, NULL, easy, &headers);
        if (r != 0)
                return r;
        (void) curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_lines);
        (void) curl_easy_setopt(easy, CURLOPT_WRITEDATA, &lines);
        (void) curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
        code = curl_easy_perform(easy);
        strbuf_done(&lines.rest);
        (void) curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        *ret_status = (unsigned) status;
        return code == CURLE_COULDNT_CONNECT ? CTL_NO_CONNECTION : 0;
}

const char *member_string(json_object *o, const char *key) {
        json_object *m;

        return json_object_object_get_ex(o, key, &m) ? strempty(json_object_get_string(m)) : "";
}

double member_number(json_object *o, const char *key) {
        json_object *m;

        return json_object_object_get_ex(o, key, &m) ? json_object_get_double(m) : 0;
}

uint64_t member_u64(json_object *o, const char *key) {
        json_object *m;

        return json_object_object_get_ex(o, key, &m) ? json_object_get_uint64(m) : 0;
}

size_t member_count(json_object *o, const char *key) {
        json_object *m;

        return json_object_object_get_ex(o, key, &m) && json_object_is_type(m, json_type_array) ? json_object_array_length(m) : 0;
}

static int resolve_prefix(const char *kind, const char *id, json_object *found, char **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        size_t n = 0;

        json_object_object_foreach(found, name, object) {
                (void) object;
                if (n++ == 0)
                        *ret = strdup(name);
                strbuf_printf(&b, "%s%s", n > 1 ? ", " : "", name);
        }
        if (n == 1)
                return *ret ? 0 : ctl_error(CTL_FAILED, "Out of memory");
        *ret = n > 0 ? (free(*ret), NULL) : NULL;
        if (n == 0)
                return ctl_error(CTL_NOT_FOUND, "There is no %.*s \"%s\". Try: kubesimctl list-%s", (int) strlen(kind) - 1, kind, id, kind);
        return ctl_error(CTL_USAGE, "\"%s\" is the beginning of several %s: %s%s", id, kind, strbuf_str(&b), n > 9 ? ", ..." : "");
}

int ctl_resolve(const Ctl *ctl, const char *kind, const char *id, char **ret) {
        _cleanup_answer_ Answer exact = ANSWER_INIT, prefix = ANSWER_INIT;
        _cleanup_free_ char *escaped = NULL, *path = NULL, *query = NULL;
        int r;

        escaped = curl_easy_escape(NULL, id, 0);
        if (!escaped || isempty(id) || asprintf(&path, "/%s/%s", kind, escaped) < 0 ||
            asprintf(&query, "/%s?limit=10&prefix=%s", kind, escaped) < 0)
                return ctl_error(CTL_USAGE, "\"%s\" is not a name", id);
        r = ctl_request(ctl, "GET", path, NULL, &exact);
        if (r != 0)
                return r;
        if (exact.status == 200) {
                *ret = strdup(id);
                return *ret ? 0 : ctl_error(CTL_FAILED, "Out of memory");
        }
        r = ctl_call(ctl, "GET", query, NULL, &prefix, "look up \"%s\"", id);
        return r != 0 ? r : resolve_prefix(kind, id, prefix.body, ret);
}
