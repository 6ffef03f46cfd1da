/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The daemon's configuration: kubesimd.conf(5), by one table of keys. */

#include "core/cluster.h"
#include "kubesimd/auth/identity.h"
#include "shared/conf-file.h"

typedef struct Config {
        usec_t node_timeout_usec, remove_after_usec, backoff_initial_usec, backoff_max_usec, heartbeat_interval_usec, stop_grace_usec;
        char *algorithm, *scheduler_name;
        uint64_t nodes_max, objects_max, pods_max, pods_per_node_max;
        int64_t node_cpu_max; /* millicores */
        uint64_t connections_max, connections_per_user_max, request_bytes_max, requests_per_second_max;
        uint64_t watchers_max, watch_log_max, event_log_max;
        Role anonymous;
        NodeLossPolicy node_loss;
        char **allow_origin, **allow_host; /* NULL-terminated, owned; NULL = none */
        int log_level;
} Config;

/* Defaults, then the files, then the overrides ("Section.Key=Value", NULL-terminated, may be NULL). root: "" for /.
 * warn as in ConfParser. Errors name file, line, key and value. */
int config_load(const char *root, const char *main_file, char *const *overrides,
                void (*warn)(const char *file, unsigned line, const char *message, void *userdata), Config *ret, Error *reterr);
void config_done(Config *c);
/* Prints what is in force as a file that would give just that. */
void config_dump(const Config *c, StrBuf *b);
/* The core's part. Texts are borrowed from c. */
ClusterConfig config_cluster(const Config *c);
