/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "kubesimctl/output.h"

static void print_event(json_object *e) {
        bool warning = streq(member_string(e, "type"), "Warning");
        const char *time = member_string(e, "time");

        printf("%.19sZ  %s%-16s%s %s\n", time, colour(warning ? COLOUR_WARN : COLOUR_GOOD), member_string(e, "reason"), colour_off(),
               member_string(e, "message"));
}

static int on_line(char *text, void *userdata) {
        json_object *e = json_tokener_parse(text);
        const Ctl *ctl = userdata;

        if (!e)
                return 0;
        if (ctl->json != JSON_OFF)
                (void) output_json(ctl, e);
        else
                print_event(e);
        (void) fflush(stdout);
        json_object_put(e);
        return 0;
}

static int follow(const Ctl *ctl, const char *path) {
        unsigned status;
        int r;

        r = ctl_stream(ctl, path, on_line, (void*) ctl, &status);
        if (r != 0 || status != 200)
                return ctl_error(r ?: CTL_FAILED, "Failed to follow the events%s", r != 0 ? ": kubesimd does not answer" : "");
        return CTL_OK;
}

static char *events_path(const Ctl *ctl) {
        _cleanup_free_ char *node = ctl->node ? curl_easy_escape(NULL, ctl->node, 0) : NULL;
        _cleanup_free_ char *pod = ctl->pod ? curl_easy_escape(NULL, ctl->pod, 0) : NULL;
        char *path;

        if (asprintf(&path, "/events?%s%s%s%s%s", ctl->follow ? "watch=1" : "", node ? "&node=" : "", strempty(node),
                     pod ? "&pod=" : "", strempty(pod)) < 0)
                return NULL;
        return path;
}

int cmd_events(Ctl *ctl, int argc _unused_, char *argv[] _unused_) {
        _cleanup_free_ char *path = events_path(ctl);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        json_object *list;
        int r;

        if (!path)
                return ctl_error(CTL_FAILED, "Out of memory");
        if (ctl->follow)
                return follow(ctl, path);
        r = ctl_call(ctl, "GET", path, NULL, &a, "list the events");
        if (r != 0)
                return r;
        if (ctl->json != JSON_OFF)
                return output_json(ctl, a.body);
        if (json_object_object_get_ex(a.body, "events", &list)) {
                if (ctl->pager && json_object_array_length(list) >= terminal_lines())
                        pager_open();
                for (size_t i = 0; i < json_object_array_length(list); i++)
                        print_event(json_object_array_get_idx(list, i));
        }
        return CTL_OK;
}
