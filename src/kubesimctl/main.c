/* SPDX-License-Identifier: Apache-2.0 */
#include <curl/curl.h>
#include <stdio.h>

#include "basic/log.h"
#include "basic/string-util.h"
#include "kubesimctl/options.h"
#include "kubesimctl/output.h"

#define ANY 1000
#define WAIT_DEFAULT_USEC (60 * USEC_PER_SEC)

typedef struct Verb {
        const char *name, *args, *help;
        int min, max; /* arguments after the verb */
        int (*run)(Ctl *ctl, int argc, char *argv[]);
        const char *example;
} Verb;

/* A row without a name is a heading. */
static const Verb verbs[] = {
        { .help = "Cluster" },
        { "status", "", "Show how the cluster is, in numbers", 0, 0, cmd_status, "status" },
        { "watch", "", "Watch the cluster live", 0, 0, cmd_watch, "watch" },
        { "events", "", "List what happened", 0, 0, cmd_events, "events --node=node1 --follow" },
        { .help = "Nodes" },
        { "list-nodes", "", "List the nodes", 0, 0, cmd_list_nodes, "list-nodes" },
        { "show-node", "NODE...", "Show all about nodes", 1, ANY, cmd_show_node, "show-node node1" },
        { "add-node", "[NAME...]", "Add virtual nodes", 0, ANY, cmd_add_node, "add-node --prefix=sim- --count=100000 --cpu=8 --memory=32Gi --labels=zone=a" },
        { "remove-node", "[NODE...]", "Move the nodes' pods elsewhere and remove them", 0, ANY, cmd_remove_node, "remove-node --prefix=sim-" },
        { "stop-node", "NODE...", "Move the nodes' pods elsewhere and stop them", 1, ANY, cmd_stop_node, "stop-node --wait node1" },
        { "restart-node", "NODE...", "Start stopped nodes again", 1, ANY, cmd_restart_node, "restart-node node1" },
        { "fail-node", "[NODE...]", "Inject a fault into virtual nodes", 0, ANY, cmd_fail_node, "fail-node -l zone=a --count=50 --kind=hang --for=60s" },
        { "recover-node", "[NODE...]", "Take injected faults back", 0, ANY, cmd_recover_node, "recover-node --all" },
        { "list-faults", "", "List the injected faults", 0, 0, cmd_list_faults, "list-faults" },
        { "unplug-node", "NODE...", "Pull the network cable of agents on this machine", 1, ANY, cmd_unplug_node, "unplug-node node1" },
        { "plug-node", "NODE...", "Plug it in again", 1, ANY, cmd_plug_node, "plug-node node1" },
        { .help = "Pods" },
        { "list-pods", "", "List the pods", 0, 0, cmd_list_pods, "--json=pretty list-pods" },
        { "show-pod", "POD...", "Show all about pods", 1, ANY, cmd_show_pod, "show-pod web" },
        { "create-pod", "[NAME...]", "Create pods", 0, ANY, cmd_create_pod, "create-pod --cpu=0.5 --duration=90s --count=1000" },
        { "remove-pod", "POD...", "Remove pods", 1, ANY, cmd_remove_pod, "remove-pod --wait web" },
        { "restart-pod", "POD...", "Restart pods", 1, ANY, cmd_restart_pod, "restart-pod web" },
        { .help = "Scheduler" },
        { "scheduler", "[ALGORITHM]", "Show or choose the placement algorithm", 0, 1, cmd_scheduler, "scheduler best-fit" },
        { "explain", "[POD]", "Why a pod would go where", 0, 1, cmd_explain, "explain --what-if -f pod.yaml" },
        { "capacity", "", "How many more of a pod fit, and what runs out first", 0, 0, cmd_capacity, "capacity --cpu=2 --memory=4Gi" },
        { "compare", "", "Place the same pods by several algorithms", 0, 0, cmd_compare, "compare -f workload.yaml --algorithms=kube,best-fit --svg=plot.svg" },
        { .help = "Access and server" },
        { "kubeconfig", "[ROLE [URL]]", "Print a kubeconfig for kubectl (ROLE: admin, viewer)", 0, 2, cmd_kubeconfig, "kubeconfig viewer" },
        { "proxy", "[PORT]", "Serve the daemon's socket on a loopback port, for kubectl", 0, 1, cmd_proxy, "proxy 8001" },
        { "token", "", "Make a bearer token", 0, 0, cmd_token, "token --role=node:node7" },
        { "health", "", "Show what the server's health checks say", 0, 0, cmd_health, "health" },
        { "version", "", "Show the versions", 0, 0, cmd_version, "version" },
};

static void help(void) {
        printf("kubesimctl [OPTIONS...] COMMAND ...\n\nControl a simulated Kubernetes cluster.\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (verbs[i].name)
                        printf("  %-12s %-12s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
                else
                        printf("\n%s%s:%s\n", colour(COLOUR_HEAD), verbs[i].help, colour_off());
        printf("\n%sOptions:%s\n", colour(COLOUR_HEAD), colour_off());
        options_help(NULL);
        printf("\nWhat a command takes: kubesimctl COMMAND --help. See kubesimctl(1).\n");
}

static void help_with(const Verb *v) {
        printf("kubesimctl %s [OPTIONS...]%s%s\n\n%s.\n\n%sOptions:%s\n", v->name, *v->args ? " " : "", v->args, v->help, colour(COLOUR_HEAD), colour_off());
        options_help(v->name);
        printf("  %3s%-24s %s\n\n%sExample:%s\n  $ kubesimctl %s\n\nSee kubesimctl(1).\n", "", "...", "And those of every command: kubesimctl --help",
               colour(COLOUR_HEAD), colour_off(), v->example);
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
        const Verb *best = NULL;

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (verbs[i].name && (!best || distance(name, verbs[i].name) < distance(name, best->name)))
                        best = &verbs[i];
        if (distance(name, best->name) <= MIN(strlen(name) / 2, (size_t) 4))
                return ctl_error(CTL_USAGE, "There is no command \"%s\". Did you mean \"%s\"?", name, best->name);
        return ctl_error(CTL_USAGE, "There is no command \"%s\". See: kubesimctl --help", name);
}

static const Verb *find_verb(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (verbs[i].name && streq(verbs[i].name, name))
                        return &verbs[i];
        return NULL;
}

/* The verb has to be known before the options are read, as each has its own: the first word that is one, else the first that might be. */
static int choose_verb(int argc, char *argv[], const Verb **ret) {
        *ret = NULL;
        for (int i = 1; i < argc; i++)
                if ((*ret = find_verb(argv[i])))
                        return CTL_OK;
        for (int i = 1; i < argc; i++)
                if (argv[i][0] != '-' && !(i > 1 && option_takes_next(argv[i - 1])))
                        return unknown_verb(argv[i]);
        return CTL_OK;
}

static int run(Ctl *ctl, const Verb *v, int argc, char *argv[]) {
        int r;

        if (argc > 0 && !streq(argv[0], v->name))
                return unknown_verb(argv[0]);
        if (argc - 1 > v->max || argc - 1 < v->min)
                return ctl_error(CTL_USAGE, "Usage: kubesimctl %s [OPTIONS...]%s%s", v->name, *v->args ? " " : "", v->args);
        (void) curl_global_init(CURL_GLOBAL_DEFAULT);
        r = v->run(ctl, argc, argv);
        pager_close();
        curl_global_cleanup();
        return r;
}

int main(int argc, char *argv[]) {
        char *standard[] = { (char[]) { "status" }, NULL };
        const Verb *verb;
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
        int args, r;

        log_open("kubesimctl");
        r = choose_verb(argc, argv, &verb);
        if (r == 0)
                r = options_parse(&ctl, verb ? verb->name : NULL, argc, argv, &args);
        if (r != 0)
                return r;
        if (ctl.version)
                printf("kubesim " KUBESIM_VERSION "\n");
        else if (ctl.help && verb)
                help_with(verb);
        else if (ctl.help)
                help();
        else if (verb)
                return run(&ctl, verb, argc - args, argv + args);
        else
                return run(&ctl, find_verb("status"), 1, standard);
        return CTL_OK;
}
