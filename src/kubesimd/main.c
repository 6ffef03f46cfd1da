/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "basic/error.h"
#include "basic/log.h"
#include "kubesimd/manager.h"

#define EXIT_CONFIG 78 /* sysexits.h: systemd does not start us again for it */
#define ARGS_MAX 64

static char *arg_listen[ARGS_MAX + 1], *arg_set[ARGS_MAX + 1];
static const char *arg_state, *arg_config, *arg_tokens, *arg_agents_dir = "/run/kubesim/agents";
static bool arg_check_config, arg_dump_config;

static void help(void) {
        printf("kubesimd [OPTIONS...]\n\n"
               "The API server of a simulated Kubernetes cluster.\n\n"
               "  -h --help               Show this help\n"
               "     --version            Show the version\n"
               "     --listen=ADDRESS     Listen there too: unix:/PATH, HOST:PORT or [ADDRESS]:PORT, with\n"
               "                          https: before it for TLS\n"
               "     --state=DIRECTORY    Keep the state there (default: $STATE_DIRECTORY); :memory: keeps nothing\n"
               "     --config=FILE        Read this file instead of /etc/kubesim/kubesimd.conf\n"
               "     --set=SECTION.KEY=VALUE  Set one key of the configuration, over every file\n"
               "     --tokens=FILE        Bearer tokens (default: the credential kubesim.tokens)\n"
               "     --agents-dir=DIRECTORY   Where the agents' sockets are (default: /run/kubesim/agents)\n"
               "  -n --check-config       Check the configuration and exit\n"
               "     --dump-config        Show the configuration in force and exit\n\n"
               "See kubesimd(8) and kubesimd.conf(5).\n");
}

static int add_arg(char **list, char *value) {
        size_t n = 0;

        while (list[n])
                n++;
        if (n >= ARGS_MAX)
                return log_error_errno(-E2BIG, "An option is given more than %d times", ARGS_MAX);
        list[n] = value;
        return 1;
}

enum { OPT_VERSION = 256, OPT_LISTEN, OPT_STATE, OPT_CONFIG, OPT_SET, OPT_TOKENS, OPT_AGENTS_DIR, OPT_DUMP_CONFIG };

static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPT_VERSION },
        { "listen", required_argument, NULL, OPT_LISTEN },
        { "state", required_argument, NULL, OPT_STATE },
        { "config", required_argument, NULL, OPT_CONFIG },
        { "set", required_argument, NULL, OPT_SET },
        { "tokens", required_argument, NULL, OPT_TOKENS },
        { "agents-dir", required_argument, NULL, OPT_AGENTS_DIR },
        { "check-config", no_argument, NULL, 'n' },
        { "dump-config", no_argument, NULL, OPT_DUMP_CONFIG },
        {},
};

/* 1 to go on, 0 when everything is done, -EINVAL when the arguments are wrong. */
static int take_option(int c) {
        switch (c) {
        case 'h':
                help();
                return 0;
        case OPT_VERSION:
                printf("kubesim " KUBESIM_VERSION "\n");
                return 0;
        case OPT_LISTEN:
                return add_arg(arg_listen, optarg);
        case OPT_SET:
                return add_arg(arg_set, optarg);
        case OPT_STATE:
                arg_state = optarg;
                return 1;
        case OPT_CONFIG:
                arg_config = optarg;
                return 1;
        case OPT_TOKENS:
                arg_tokens = optarg;
                return 1;
        case OPT_AGENTS_DIR:
                arg_agents_dir = optarg;
                return 1;
        case 'n':
                arg_check_config = true;
                return 1;
        case OPT_DUMP_CONFIG:
                arg_dump_config = true;
                return 1;
        default:
                return -EINVAL;
        }
}

static int parse_argv(int argc, char *argv[]) {
        int c, r;

        while ((c = getopt_long(argc, argv, "hn", options, NULL)) >= 0) {
                r = take_option(c);
                if (r <= 0)
                        return r;
        }
        if (optind < argc)
                return log_error_errno(-EINVAL, "kubesimd takes no arguments, only options: %s", argv[optind]);
        return 1;
}

static void on_config_warning(const char *file, unsigned line, const char *message, void *userdata _unused_) {
        log_warning("%s:%u: %s, ignoring", file, line, message);
}

static int dump(const Config *config) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        config_dump(config, &b);
        return fputs(strbuf_str(&b), stdout) < 0 || fflush(stdout) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* As many connections as the limits of the process allow for. */
static void raise_file_limit(void) {
        struct rlimit rl;

        if (getrlimit(RLIMIT_NOFILE, &rl) < 0 || rl.rlim_cur == rl.rlim_max)
                return;
        rl.rlim_cur = rl.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &rl) < 0)
                log_debug("Failed to raise the limit of open files, ignoring: %m");
}

static int run(Config *config) {
        ManagerOptions manager_options = {
                .listen = arg_listen,
                .state = arg_state ?: getenv("STATE_DIRECTORY"),
                .main_file = arg_config,
                .overrides = arg_set,
                .tokens = arg_tokens,
                .agents_dir = arg_agents_dir,
        };
        _cleanup_(manager_freep) Manager *m = NULL;

        if (!manager_options.state) {
                log_error("Where is the state to be kept? Give --state=DIRECTORY, or --state=:memory:");
                return EXIT_FAILURE;
        }
        raise_file_limit();
        if (manager_new(&manager_options, config, &m) < 0)
                return EXIT_FAILURE;
        return manager_run(m) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char *argv[]) {
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_(config_done) Config config = {};
        int r;

        log_open("kubesimd");
        (void) mallopt(M_ARENA_MAX, 2); /* a loop and a storage thread: more arenas only hold memory back */

        r = parse_argv(argc, argv);
        if (r <= 0)
                return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (config_load("", arg_config, arg_set, on_config_warning, &config, &error) < 0) {
                log_error("%s", error_message(&error));
                return EXIT_CONFIG;
        }
        if (arg_dump_config)
                return dump(&config);
        return arg_check_config ? EXIT_SUCCESS : run(&config);
}
