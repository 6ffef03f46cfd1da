/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <getopt.h>
#include <stdio.h>

#include "basic/log.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "kubesimctl/output.h"

#define ANY 1000
#define WAIT_DEFAULT_USEC (60 * USEC_PER_SEC)

static const struct {
        const char *name, *args, *help;
        int min, max; /* arguments after the verb */
        int (*run)(Ctl *ctl, int argc, char *argv[]);
} verbs[] = {
        { "status", "", "Show how the cluster is, in numbers", 0, 0, cmd_status },
        { "list-nodes", "", "List the nodes", 0, 0, cmd_list_nodes },
        { "list-pods", "", "List the pods", 0, 0, cmd_list_pods },
        { "show-node", "NODE...", "Show all about nodes", 1, ANY, cmd_show_node },
        { "show-pod", "POD...", "Show all about pods", 1, ANY, cmd_show_pod },
        { "add-node", "[NAME...]", "Add virtual nodes (--cpu=, --count=, --prefix=, -f)", 0, ANY, cmd_add_node },
        { "remove-node", "[NODE...]", "Move the nodes' pods elsewhere and remove them (--prefix=, -l)", 0, ANY, cmd_remove_node },
        { "stop-node", "NODE...", "Move the nodes' pods elsewhere and stop them", 1, ANY, cmd_stop_node },
        { "restart-node", "NODE...", "Start stopped nodes again", 1, ANY, cmd_restart_node },
        { "fail-node", "[NODE...]", "Inject a fault into virtual nodes (--kind=, --for=, -l)", 0, ANY, cmd_fail_node },
        { "recover-node", "[NODE...]", "Take injected faults back (-l, --all)", 0, ANY, cmd_recover_node },
        { "list-faults", "", "List the injected faults", 0, 0, cmd_list_faults },
        { "unplug-node", "NODE...", "Pull the network cable of agents on this machine", 1, ANY, cmd_unplug_node },
        { "plug-node", "NODE...", "Plug it in again", 1, ANY, cmd_plug_node },
        { "create-pod", "[NAME...]", "Create pods (--cpu=, --duration=, --count=)", 0, ANY, cmd_create_pod },
        { "remove-pod", "POD...", "Remove pods", 1, ANY, cmd_remove_pod },
        { "restart-pod", "POD...", "Restart pods", 1, ANY, cmd_restart_pod },
        { "scheduler", "[ALGORITHM]", "Show or choose the placement algorithm", 0, 1, cmd_scheduler },
        { "explain", "[POD]", "Why a pod would go where (--what-if -f FILE, --algorithm=, --all-nodes)", 0, 1, cmd_explain },
        { "capacity", "", "How many more of a pod fit (--cpu=, --memory=, -f FILE, --algorithm=)", 0, 0, cmd_capacity },
        { "compare", "", "The same pods by several algorithms (-f FILE, --algorithms=, --svg=)", 0, 0, cmd_compare },
        { "health", "", "Show what the server's health checks say", 0, 0, cmd_health },
        { "watch", "", "Watch the cluster live", 0, 0, cmd_watch },
        { "events", "", "List what happened (--node=, --pod=, --follow)", 0, 0, cmd_events },
        { "token", "", "Make a bearer token (--role=admin|viewer|node:NAME|node:PREFIX*)", 0, 0, cmd_token },
        { "kubeconfig", "[ROLE [URL]]", "Print a kubeconfig for kubectl (ROLE: admin, viewer)", 0, 2, cmd_kubeconfig },
        { "proxy", "[PORT]", "Serve the daemon's socket on a loopback port, for kubectl", 0, 1, cmd_proxy },
        { "version", "", "Show the versions", 0, 0, cmd_version },
};

static void help(void) {
        printf("kubesimctl [OPTIONS...] COMMAND ...\n\nControl a simulated Kubernetes cluster.\n\n%sCommands:%s\n", colour(COLOUR_HEAD), colour_off());
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                printf("  %-12s %-12s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
        printf("\n%sOptions:%s\n"
               "  -h --help               Show this help\n"
               "     --version            Show the version\n"
               "     --socket=PATH        Socket of kubesimd (default: /run/kubesim/kubesimd.sock)\n"
               "     --server=URL         Use http(s)://HOST:PORT instead ($KUBESIM_SERVER)\n"
               "     --token-file=FILE    Bearer token for that ($KUBESIM_TOKEN_FILE)\n"
               "     --agents-dir=DIR     Sockets of the agents (default: /run/kubesim/agents)\n"
               "     --json=MODE          Output JSON: short, pretty or off\n"
               "     --no-legend          No headings and hints\n"
               "     --no-pager           No pager\n"
               "  -q --quiet              Say only what went wrong\n"
               "     --wait[=SPAN]        Wait until it is done (default: at most 1min)\n"
               "     --cpu=CORES          CPUs of a new node or pod\n"
               "     --duration=SPAN      The pod succeeds after so long\n"
               "     --count=N            That many, with names made up; or so many by lot\n"
               "     --prefix=P --first=N  Names of new nodes: P and numbers from N on (default: 0)\n"
               "     --memory=BYTES --labels=K=V,... --taints=K=V:EFFECT,...  What new nodes have\n"
               "  -f FILE --file=FILE     A Node as template for new ones, YAML or JSON\n"
               "  -l --selector=LABELS    The nodes with these labels\n"
               "     --all                All nodes\n"
               "     --kind=KIND          Of a fault: hang, stop, slow or flap\n"
               "     --for=SPAN --delay=SPAN --period=SPAN --seed=N  How long, how late, in what turn, by which lot\n"
               "     --node=NODE --pod=POD  Events of these only\n"
               "  -f --follow             Go on with events as they happen\n"
               "  -f --file=FILE          Manifest for explain, capacity, compare; -: standard input\n"
               "     --what-if            explain: of a pod that is not created\n"
               "     --all-nodes          explain: each node by itself\n"
               "     --memory=QUANTITY    Memory of the pod that is asked about\n"
               "     --algorithm=NAME,... Placement algorithms that are asked about\n"
               "     --limit=N            capacity: count at most so many\n"
               "     --seed=N             Of algorithms that choose at random\n"
               "     --svg=FILE           compare: draw the numbers\n"
               "     --role=ROLE          Role of a new token\n\n"
               "See kubesimctl(1).\n", colour(COLOUR_HEAD), colour_off());
}

enum {
        OPT_VERSION = 256, OPT_SOCKET, OPT_SERVER, OPT_TOKEN_FILE, OPT_AGENTS_DIR, OPT_JSON, OPT_NO_LEGEND, OPT_NO_PAGER,
        OPT_PREFIX, OPT_FIRST, OPT_MEMORY, OPT_LABELS, OPT_TAINTS, OPT_FILE, OPT_ALL, OPT_KIND, OPT_FOR, OPT_DELAY, OPT_PERIOD, OPT_SEED,
        OPT_WAIT, OPT_CPU, OPT_DURATION, OPT_COUNT, OPT_NODE, OPT_POD, OPT_ROLE,
        OPT_WHAT_IF, OPT_ALL_NODES, OPT_ALGORITHM, OPT_LIMIT, OPT_SVG,
};

static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPT_VERSION },
        { "socket", required_argument, NULL, OPT_SOCKET },
        { "server", required_argument, NULL, OPT_SERVER },
        { "token-file", required_argument, NULL, OPT_TOKEN_FILE },
        { "agents-dir", required_argument, NULL, OPT_AGENTS_DIR },
        { "json", required_argument, NULL, OPT_JSON },
        { "no-legend", no_argument, NULL, OPT_NO_LEGEND },
        { "no-pager", no_argument, NULL, OPT_NO_PAGER },
        { "quiet", no_argument, NULL, 'q' },
        { "wait", optional_argument, NULL, OPT_WAIT },
        { "cpu", required_argument, NULL, OPT_CPU },
        { "duration", required_argument, NULL, OPT_DURATION },
        { "count", required_argument, NULL, OPT_COUNT },
        { "node", required_argument, NULL, OPT_NODE },
        { "pod", required_argument, NULL, OPT_POD },
        { "follow", no_argument, NULL, 'f' },
        { "role", required_argument, NULL, OPT_ROLE },
        { "file", required_argument, NULL, OPT_FILE },
        { "what-if", no_argument, NULL, OPT_WHAT_IF },
        { "all-nodes", no_argument, NULL, OPT_ALL_NODES },
        { "memory", required_argument, NULL, OPT_MEMORY },
        { "algorithm", required_argument, NULL, OPT_ALGORITHM },
        { "algorithms", required_argument, NULL, OPT_ALGORITHM },
        { "limit", required_argument, NULL, OPT_LIMIT },
        { "seed", required_argument, NULL, OPT_SEED },
        { "svg", required_argument, NULL, OPT_SVG },
        { "prefix", required_argument, NULL, OPT_PREFIX },
        { "first", required_argument, NULL, OPT_FIRST },
        { "labels", required_argument, NULL, OPT_LABELS },
        { "taints", required_argument, NULL, OPT_TAINTS },
        { "selector", required_argument, NULL, 'l' },
        { "all", no_argument, NULL, OPT_ALL },
        { "kind", required_argument, NULL, OPT_KIND },
        { "for", required_argument, NULL, OPT_FOR },
        { "delay", required_argument, NULL, OPT_DELAY },
        { "period", required_argument, NULL, OPT_PERIOD },
        {},
};

static int parse_json_mode(const char *s, JsonMode *ret) {
        static const char *const modes[] = { [JSON_OFF] = "off", [JSON_SHORT] = "short", [JSON_PRETTY] = "pretty" };

        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (streq(modes[i], s)) {
                        *ret = (JsonMode) i;
                        return 0;
                }
        return ctl_error(CTL_USAGE, "--json=%s: it must be short, pretty or off", s);
}

/* Options whose value is kept as it is. */
static const char **string_option(Ctl *ctl, int c) {
        const struct {
                int option;
                const char **value;
        } all[] = {
                { OPT_SOCKET, &ctl->socket },   { OPT_SERVER, &ctl->server }, { OPT_TOKEN_FILE, &ctl->token_file }, { OPT_AGENTS_DIR, &ctl->agents_dir },
                { OPT_CPU, &ctl->cpu },         { OPT_NODE, &ctl->node },     { OPT_DURATION, &ctl->duration },     { OPT_POD, &ctl->pod },
                { OPT_ROLE, &ctl->role },       { OPT_PREFIX, &ctl->prefix }, { OPT_FIRST, &ctl->first },           { OPT_MEMORY, &ctl->memory },
                { OPT_LABELS, &ctl->labels },   { OPT_TAINTS, &ctl->taints }, { OPT_FILE, &ctl->file },             { 'l', &ctl->selector },
                { OPT_KIND, &ctl->kind },       { OPT_FOR, &ctl->span },      { OPT_DELAY, &ctl->delay },           { OPT_PERIOD, &ctl->period },
                { OPT_SEED, &ctl->seed },       { OPT_LIMIT, &ctl->limit },   { OPT_SVG, &ctl->svg },
        };

        for (size_t i = 0; i < ELEMENTSOF(all); i++)
                if (all[i].option == c)
                        return all[i].value;
        return NULL;
}

/* --algorithm= may be given several times. */
static int add_algorithms(Ctl *ctl, const char *names) {
        static char all[1024];
        size_t n = strlen(all);

        if (n + strlen(names) + 2 > sizeof(all))
                return ctl_error(CTL_USAGE, "--algorithm=%s: these are too many names", names);
        (void) snprintf(all + n, sizeof(all) - n, "%s%s", n > 0 ? "," : "", names);
        ctl->algorithm = all;
        return 0;
}

/* Is -f a file for this verb, and not --follow? The options are read before the verb. */
static bool verb_reads_file(int argc, char *argv[]) {
        for (int k = 1; k < argc; k++)
                for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                        if (streq(verbs[i].name, argv[k]))
                                return verbs[i].run == cmd_explain || verbs[i].run == cmd_capacity || verbs[i].run == cmd_compare ||
                                       verbs[i].run == cmd_add_node;
        return false;
}

static int take_option(Ctl *ctl, int c) {
        const char **s = string_option(ctl, c);

        if (s) {
                *s = optarg;
                return 0;
        }
        switch (c) {
        case OPT_JSON:
                return parse_json_mode(optarg, &ctl->json);
        case OPT_NO_LEGEND:
                ctl->legend = false;
                return 0;
        case OPT_NO_PAGER:
                ctl->pager = false;
                return 0;
        case 'q':
                ctl->quiet = true;
                return 0;
        case 'f':
                ctl->follow = true;
                return 0;
        case OPT_WHAT_IF:
                ctl->what_if = true;
                return 0;
        case OPT_ALL_NODES:
                ctl->all_nodes = true;
                return 0;
        case OPT_ALGORITHM:
                return add_algorithms(ctl, optarg);
        case OPT_WAIT:
                ctl->wait = true;
                if (optarg && parse_usec(optarg, &ctl->wait_usec) < 0)
                        return ctl_error(CTL_USAGE, "--wait=%s: it must be a time span such as 30s", optarg);
                return 0;
        case OPT_ALL:
                ctl->all = true;
                return 0;
        case OPT_COUNT:
                ctl->count_given = true;
                if (parse_u64_range(optarg, 1, 1000000, &ctl->count) < 0)
                        return ctl_error(CTL_USAGE, "--count=%s: it must be a number from 1 to 1000000", optarg);
                return 0;
        default:
                return CTL_USAGE;
        }
}

/* How many letters have to be changed, put in or left out to make b of a (Wagner, Fischer 1974). */
static size_t distance(const char *a, const char *b) {
        size_t row[64], n = MIN(strlen(b), ELEMENTSOF(row) - 1);

        for (size_t k = 0; k <= n; k++)
                row[k] = k;
        for (size_t i = 0; a[i]; i++) {
                size_t diagonal = row[0];

                row[0] = i + 1;
                for (size_t k = 1; k <= n; k++) {
                        size_t above = row[k], cost = diagonal + (a[i] != b[k - 1]), near = MIN(row[k] + 1, row[k - 1] + 1);

                        row[k] = MIN(near, cost);
                        diagonal = above;
                }
        }
        return row[n];
}

static int unknown_verb(const char *name) {
        size_t best = 0;

        for (size_t i = 1; i < ELEMENTSOF(verbs); i++)
                if (distance(name, verbs[i].name) < distance(name, verbs[best].name))
                        best = i;
        if (distance(name, verbs[best].name) <= 4)
                return ctl_error(CTL_USAGE, "There is no command \"%s\". Did you mean \"%s\"?", name, verbs[best].name);
        return ctl_error(CTL_USAGE, "There is no command \"%s\". See: kubesimctl --help", name);
}

static int run_verb(Ctl *ctl, int argc, char *argv[]) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                if (!streq(verbs[i].name, argv[0]))
                        continue;
                if (argc - 1 < verbs[i].min || argc - 1 > verbs[i].max)
                        return ctl_error(CTL_USAGE, "Usage: kubesimctl %s %s", verbs[i].name, verbs[i].args);
                return verbs[i].run(ctl, argc, argv);
        }
        return unknown_verb(argv[0]);
}

int main(int argc, char *argv[]) {
        char *standard[] = { (char[]) { "status" }, NULL };
        Ctl ctl = {
                .socket = "/run/kubesim/kubesimd.sock",
                .agents_dir = "/run/kubesim/agents",
                .server = getenv("KUBESIM_SERVER"),
                .token_file = getenv("KUBESIM_TOKEN_FILE"),
                .legend = true,
                .pager = true,
                .wait_usec = WAIT_DEFAULT_USEC,
                .count = 1,
        };
        bool reads_file = verb_reads_file(argc, argv);
        int c, r;

        log_open("kubesimctl");
        while ((c = getopt_long(argc, argv, reads_file ? "hqf:l:" : "hqfl:", options, NULL)) >= 0) {
                if (c == 'h') {
                        help();
                        return CTL_OK;
                }
                if (c == OPT_VERSION) {
                        printf("kubesim " KUBESIM_VERSION "\n");
                        return CTL_OK;
                }
                r = take_option(&ctl, c == 'f' && reads_file ? OPT_FILE : c);
                if (r != 0)
                        return r;
        }
        (void) curl_global_init(CURL_GLOBAL_DEFAULT);
        r = optind < argc ? run_verb(&ctl, argc - optind, argv + optind) : run_verb(&ctl, 1, standard);
        pager_close();
        curl_global_cleanup();
        return r;
}
