/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimctl/options.h"

#include <getopt.h>
#include <stdio.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimctl/output.h"

#define FIRST_CODE 256 /* what getopt_long() says of the first row; letters are below */

typedef struct Option Option;
struct Option {
        const char *verbs; /* those that take it, with spaces around each; NULL: every one */
        char letter;
        const char *name;
        const char *value; /* what the help calls its value; NULL: it has none; in brackets: it may be left out */
        const char *help;  /* NULL: it is not told of */
        int (*take)(Ctl *ctl, const Option *o, const char *value);
        size_t offset;     /* in Ctl, for those that take_string(), take_flag() and take_off() keep */
};

static int take_string(Ctl *ctl, const Option *o, const char *value) {
        *(const char**) ((char*) ctl + o->offset) = value;
        return 0;
}

static int take_flag(Ctl *ctl, const Option *o, const char *value _unused_) {
        *(bool*) ((char*) ctl + o->offset) = true;
        return 0;
}

static int take_off(Ctl *ctl, const Option *o, const char *value _unused_) {
        *(bool*) ((char*) ctl + o->offset) = false;
        return 0;
}

static int take_json(Ctl *ctl, const Option *o _unused_, const char *value) {
        static const char *const modes[] = { [JSON_OFF] = "off", [JSON_SHORT] = "short", [JSON_PRETTY] = "pretty" };

        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (streq(modes[i], value)) {
                        ctl->json = (JsonMode) i;
                        return 0;
                }
        return ctl_error(CTL_USAGE, "--json=%s: it must be short, pretty or off", value);
}

static int take_wait(Ctl *ctl, const Option *o _unused_, const char *value) {
        ctl->wait = true;
        if (value && parse_usec(value, &ctl->wait_usec) < 0)
                return ctl_error(CTL_USAGE, "--wait=%s: it must be a time span such as 30s", value);
        return 0;
}

static int take_count(Ctl *ctl, const Option *o _unused_, const char *value) {
        ctl->count_given = true;
        if (parse_u64_range(value, 1, 1000000, &ctl->count) < 0)
                return ctl_error(CTL_USAGE, "--count=%s: it must be a number from 1 to 1000000", value);
        return 0;
}

/* It may be given several times. */
static int take_algorithms(Ctl *ctl, const Option *o _unused_, const char *value) {
        static char all[1024];
        size_t n = strlen(all);

        if (n + strlen(value) + 2 > sizeof(all))
                return ctl_error(CTL_USAGE, "--algorithm=%s: these are too many names", value);
        (void) snprintf(all + n, sizeof(all) - n, "%s%s", n > 0 ? "," : "", value);
        ctl->algorithm = all;
        return 0;
}

#define AT(member) offsetof(Ctl, member)
#define QUESTIONS " explain capacity compare "

/* A name has one row for each meaning; no verb takes two of them. */
static const Option options[] = {
        { " add-node ", 0, "cpu", "CORES", "CPUs of each (default: 4)", take_string, AT(cpu) },
        { " add-node ", 0, "memory", "QUANTITY", "Memory of each, such as 32Gi", take_string, AT(memory) },
        { " add-node ", 0, "labels", "K=V,...", "Labels of each", take_string, AT(labels) },
        { " add-node ", 0, "taints", "K=V:EFFECT,...", "Taints of each: NoSchedule, PreferNoSchedule or NoExecute", take_string, AT(taints) },
        { " add-node ", 'f', "file", "FILE", "A Node as template for them, YAML or JSON", take_string, AT(file) },
        { " add-node ", 0, "count", "N", "So many, with names made up", take_count, 0 },
        { " add-node ", 0, "prefix", "P", "Names: P and a number", take_string, AT(prefix) },
        { " add-node ", 0, "first", "N", "The first of these numbers (default: 0)", take_string, AT(first) },
        { " remove-node ", 0, "prefix", "P", "All whose names begin so", take_string, AT(prefix) },
        { " remove-node ", 'l', "selector", "LABELS", "All with these labels", take_string, AT(selector) },
        { " fail-node recover-node ", 'l', "selector", "LABELS", "Those with these labels", take_string, AT(selector) },
        { " fail-node recover-node ", 0, "all", NULL, "All of them", take_flag, AT(all) },
        { " fail-node recover-node ", 0, "count", "N", "So many of them, by lot", take_count, 0 },
        { " fail-node recover-node ", 0, "seed", "N", "By which lot", take_string, AT(seed) },
        { " fail-node ", 0, "kind", "KIND", "hang (the default), stop, slow or flap", take_string, AT(kind) },
        { " fail-node ", 0, "for", "SPAN", "How long (default: until recover-node)", take_string, AT(span) },
        { " fail-node ", 0, "delay", "SPAN", "How late the heartbeats of slow ones are", take_string, AT(delay) },
        { " fail-node ", 0, "period", "SPAN", "How long flapping ones are in trouble, and well, in turn", take_string, AT(period) },
        { " create-pod ", 0, "cpu", "CORES", "CPUs that each asks for", take_string, AT(cpu) },
        { " create-pod ", 0, "duration", "SPAN", "It succeeds after so long", take_string, AT(duration) },
        { " create-pod ", 0, "count", "N", "So many, with names made up", take_count, 0 },
        { " create-pod remove-pod restart-pod stop-node restart-node remove-node ", 0, "wait", "[SPAN]", "Wait until it is done (default: at most 1min)", take_wait, 0 },
        { " events ", 0, "node", "NODE", "Those of this node", take_string, AT(node) },
        { " events ", 0, "pod", "POD", "Those of this pod", take_string, AT(pod) },
        { " events ", 'f', "follow", NULL, "Go on with them as they happen", take_flag, AT(follow) },
        { QUESTIONS, 'f', "file", "FILE", "Manifest, YAML or JSON; -: standard input", take_string, AT(file) },
        { " explain capacity ", 0, "cpu", "QUANTITY", "Or a pod that asks for so much CPU", take_string, AT(cpu) },
        { " explain capacity ", 0, "memory", "QUANTITY", "And for so much memory", take_string, AT(memory) },
        { " explain ", 0, "what-if", NULL, "It is about a pod that is not created", take_flag, AT(what_if) },
        { " explain ", 0, "all-nodes", NULL, "Each node by itself", take_flag, AT(all_nodes) },
        { QUESTIONS, 0, "algorithm", "NAME,...", "These placement algorithms", take_algorithms, 0 },
        { QUESTIONS, 0, "algorithms", "NAME,...", NULL, /* the same */ take_algorithms, 0 },
        { " capacity ", 0, "limit", "N", "Count at most so many (default: 100000)", take_string, AT(limit) },
        { " capacity compare ", 0, "seed", "N", "Of algorithms that choose at random", take_string, AT(seed) },
        { " compare ", 0, "svg", "FILE", "Draw the numbers", take_string, AT(svg) },
        { " token ", 0, "role", "ROLE", "admin, viewer, node:NAME or node:PREFIX*", take_string, AT(role) },
        { NULL, 'h', "help", NULL, "Show this help; after a command: what it takes", take_flag, AT(help) },
        { NULL, 0, "version", NULL, "Show the version", take_flag, AT(version) },
        { NULL, 0, "socket", "PATH", "Socket of kubesimd (default: /run/kubesim/kubesimd.sock)", take_string, AT(socket) },
        { NULL, 0, "server", "URL", "Use http(s)://HOST:PORT instead ($KUBESIM_SERVER)", take_string, AT(server) },
        { NULL, 0, "token-file", "FILE", "Bearer token for that ($KUBESIM_TOKEN_FILE)", take_string, AT(token_file) },
        { NULL, 0, "agents-dir", "DIR", "Sockets of the agents (default: /run/kubesim/agents)", take_string, AT(agents_dir) },
        { NULL, 0, "json", "MODE", "Output JSON: short, pretty or off", take_json, 0 },
        { NULL, 0, "no-legend", NULL, "No headings and hints", take_off, AT(legend) },
        { NULL, 0, "no-pager", NULL, "No pager", take_off, AT(pager) },
        { NULL, 'q', "quiet", NULL, "Say only what went wrong", take_flag, AT(quiet) },
};

static bool takes(const char *verb, const Option *o) {
        char word[64];

        if (!o->verbs || !verb)
                return !o->verbs;
        (void) snprintf(word, sizeof(word), " %s ", verb);
        return strstr(o->verbs, word);
}

bool option_takes_next(const char *word) {
        const char *name = startswith(word, "--");

        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                const Option *o = &options[i];

                if (o->value && *o->value != '[' && (name ? streq(o->name, name) : o->letter && word[0] == '-' && word[1] == o->letter && !word[2]))
                        return true;
        }
        return false;
}

void options_help(const char *verb) {
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                const Option *o = &options[i];
                const char *value = strempty(o->value);
                char letter[4] = { '-', o->letter, ' ' }, name[64];

                if (!o->help || (verb ? !o->verbs || !takes(verb, o) : o->verbs != NULL))
                        continue;
                (void) snprintf(name, sizeof(name), *value == '[' ? "--%s[=%.*s]" : *value ? "--%s=%.*s" : "--%s%.*s", o->name,
                                *value == '[' ? (int) strlen(value) - 2 : (int) strlen(value), *value == '[' ? value + 1 : value);
                printf("  %3s%-24s %s\n", o->letter ? letter : "", name, o->help);
        }
}

/* --- Words that are none --- */

/* An option of that name, or that letter: the verb's, else anybody's. */
static const Option *find_anywhere(const char *verb, const char *name, char letter) {
        const Option *found = NULL;

        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if ((letter ? options[i].letter == letter : streq(options[i].name, name)) && (!found || takes(verb, &options[i])))
                        found = &options[i];
        return found;
}

/* What getopt_long() stopped at; letter: 0 for a name. */
static int refuse(const char *verb, const char *word, char letter) {
        const char letters[] = { letter, '\0' };
        char name[64] = "", shown[72];
        const Option *o;

        if (!letter)
                (void) snprintf(name, sizeof(name), "%.*s", (int) strcspn(word + 2, "="), word + 2);
        (void) snprintf(shown, sizeof(shown), "-%s%s", letter ? letters : "-", name);
        o = find_anywhere(verb, name, letter);
        if (!o)
                return ctl_error(CTL_USAGE, "There is no option %s. See: kubesimctl %s%s--help", shown, strempty(verb), verb ? " " : "");
        if (o->verbs && !verb)
                return ctl_error(CTL_USAGE, "%s is an option of commands, such as%.*s", shown, (int) strcspn(o->verbs + 1, " ") + 1, o->verbs);
        if (!takes(verb, o))
                return ctl_error(CTL_USAGE, "%s has no option %s. See: kubesimctl %s --help", verb, shown, verb);
        if (o->value)
                return ctl_error(CTL_USAGE, "%s needs a value: %s=%s", shown, shown, o->value);
        return ctl_error(CTL_USAGE, "%s takes no value", shown);
}

/* What getopt_long() is to know of the options of a verb: it says FIRST_CODE and the number of the row for a name, and letters as they are. */
static void prepare(const char *verb, struct option *names, char *letters) {
        *letters++ = ':';
        for (size_t i = 0; i < ELEMENTSOF(options); i++) {
                const Option *o = &options[i];

                if (!takes(verb, o))
                        continue;
                *names++ = (struct option) { .name = o->name, .val = FIRST_CODE + (int) i,
                                             .has_arg = !o->value ? no_argument : *o->value == '[' ? optional_argument : required_argument };
                if (o->letter)
                        *letters++ = o->letter;
                if (o->letter && o->value)
                        *letters++ = ':';
        }
        *names = (struct option) {};
        *letters = '\0';
}

static const Option *option_of_code(const char *verb, int code) {
        if (code >= FIRST_CODE)
                return &options[code - FIRST_CODE];
        for (size_t i = 0; i < ELEMENTSOF(options); i++)
                if (options[i].letter == code && takes(verb, &options[i]))
                        return &options[i];
        return NULL;
}

int options_parse(Ctl *ctl, const char *verb, int argc, char *argv[], int *ret_args) {
        struct option names[ELEMENTSOF(options) + 1];
        char letters[2 + 2 * ELEMENTSOF(options)];
        int code, r;

        prepare(verb, names, letters);
        opterr = 0; /* said here */
        while ((code = getopt_long(argc, argv, letters, names, NULL)) >= 0) {
                const Option *o = option_of_code(verb, code);

                if (!o)
                        return refuse(verb, argv[optind - 1], optopt > 0 && optopt < FIRST_CODE ? (char) optopt : 0);
                r = o->take(ctl, o, optarg);
                if (r != 0)
                        return r;
        }
        *ret_args = optind;
        return 0;
}
