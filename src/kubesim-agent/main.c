/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>

#include "basic/error.h"
#include "basic/log.h"
#include "kubesim-agent/agent.h"
#include "kubesim-agent/fleet.h"

#define EXIT_CONFIG 78

static void help(void) {
        printf("kubesim-agent [OPTIONS...]\n\n"
               "A node of a simulated Kubernetes cluster.\n\n"
               "  -h --help                 Show this help\n"
               "     --version              Show the version\n"
               "     --node=NAME            The node's name ($NODE_ID)\n"
               "     --server=ADDRESS       unix:/PATH, http://HOST:PORT or https://HOST:PORT ($API_SERVER,\n"
               "                            default: unix:/run/kubesim/kubesimd.sock)\n"
               "     --cpu=CORES            CPUs that the node offers ($CPU_CORES, default: what it may use)\n"
               "     --network=private|host|none\n"
               "                            A cable of its own, an interface of the host, or nothing ($NODE_NETWORK)\n"
               "     --interface=NAME       The interface to watch with --network=host ($INTERFACE)\n"
               "     --token-file=FILE      Bearer token ($TOKEN_FILE, default: the credential kubesim.agent.token)\n"
               "     --fleet=PREFIX:COUNT      So many nodes in this process, PREFIX0, PREFIX1, ... ($KUBESIM_FLEET)\n"
               "     --connections=N           Connections that a fleet uses ($FLEET_CONNECTIONS, default: 16 to 64)\n"
               "     --fleet-file=FILE         Settings of a fleet, KEY=VALUE, read again on SIGHUP\n"
               "     --status-socket=PATH   Serve the status API there when systemd passes no socket\n\n"
               "See kubesim-agent(8).\n");
}

enum { OPT_VERSION = 256, OPT_SETTING };

static const struct option options[] = {
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, OPT_VERSION },
        { "node", required_argument, NULL, OPT_SETTING },
        { "server", required_argument, NULL, OPT_SETTING },
        { "cpu", required_argument, NULL, OPT_SETTING },
        { "network", required_argument, NULL, OPT_SETTING },
        { "interface", required_argument, NULL, OPT_SETTING },
        { "token-file", required_argument, NULL, OPT_SETTING },
        { "fleet", required_argument, NULL, OPT_SETTING },
        { "connections", required_argument, NULL, OPT_SETTING },
        { "fleet-file", required_argument, NULL, OPT_SETTING },
        { "status-socket", required_argument, NULL, OPT_SETTING },
        {},
};

/* 1 to go on, 0 when everything is done, negative when the arguments are wrong. */
static int parse_argv(int argc, char *argv[], AgentConfig *config, Error *reterr) {
        int c, r, index = 0;

        while ((c = getopt_long(argc, argv, "h", options, &index)) >= 0) {
                if (c == 'h') {
                        help();
                        return 0;
                }
                if (c == OPT_VERSION) {
                        printf("kubesim " KUBESIM_VERSION "\n");
                        return 0;
                }
                if (c != OPT_SETTING)
                        return error_set(reterr, -EINVAL, "see kubesim-agent --help");
                r = agent_config_set(config, options[index].name, optarg, reterr);
                if (r < 0)
                        return r;
        }
        if (optind < argc)
                return error_set(reterr, -EINVAL, "kubesim-agent takes no arguments, only options: %s", argv[optind]);
        return 1;
}

int main(int argc, char *argv[]) {
        _cleanup_(agent_config_done) AgentConfig config = {};
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_(agent_freep) Agent *a = NULL;
        _cleanup_(fleet_freep) Fleet *f = NULL;
        int r;

        log_open("kubesim-agent");
        (void) mallopt(M_ARENA_MAX, 1);
        (void) mallopt(M_TRIM_THRESHOLD, 64 * 1024);

        r = agent_config_from_environment(&config, &error);
        if (r >= 0)
                r = parse_argv(argc, argv, &config, &error);
        if (r > 0 && config.fleet_file)
                r = agent_config_load_file(&config, config.fleet_file, &error) < 0 ? error.code : 1;
        if (r > 0)
                r = agent_config_check(&config, &error) < 0 ? error.code : 1;
        if (r < 0) {
                log_error("%s", error_message(&error));
                return EXIT_CONFIG;
        }
        if (r == 0)
                return EXIT_SUCCESS;
        if (config.fleet) {
                if (fleet_new(&config, &f) < 0)
                        return EXIT_FAILURE;
                return fleet_run(f) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        }
        if (agent_new(&config, &a) < 0)
                return EXIT_FAILURE;
        return agent_run(a) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
