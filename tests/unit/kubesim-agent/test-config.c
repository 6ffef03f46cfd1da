/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include <unistd.h>

#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesim-agent/config.h"
#include "tests/lib/directory.h"

static int fleet(const char *value, AgentConfig *c, Error *e) {
        int r = agent_config_set(c, "fleet", value, e);

        return r < 0 ? r : agent_config_set(c, "server", "unix:/s", e) < 0 ? -1 : agent_config_check(c, e);
}

static void test_fleet(void **state _unused_) {
        static const struct {
                const char *value, *prefix;
                unsigned size;
        } good[] = { { "sim-:1", "sim-", 1 }, { "a:50000", "a", 50000 }, { "rack1.n:20", "rack1.n", 20 }, { "7:3", "7", 3 } };
        static const char *const bad[] = { "", "sim-", ":5", "sim-:0", "sim-:50001", "sim-:x", "sim-: 5", "Sim-:5", "-sim:5", "sim_:5", "a..b:5", "sim-:-1" };

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_(agent_config_done) AgentConfig c = {};

                assert_int_equal(fleet(good[i].value, &c, NULL), 0);
                assert_string_equal(c.fleet, good[i].prefix);
                assert_int_equal(c.fleet_size, good[i].size);
        }
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                _cleanup_(agent_config_done) AgentConfig c = {};
                _cleanup_error_ Error e = ERROR_NULL;

                assert_int_equal(fleet(bad[i], &c, &e), -EINVAL);
                assert_non_null(strstr(error_message(&e), "KUBESIM_FLEET="));
        }
}

static int load(const char *text, AgentConfig *c, Error *e) {
        char directory[TEST_DIRECTORY_MAX], path[TEST_DIRECTORY_MAX + 8];
        FILE *f;
        int r;

        assert_non_null(make_test_directory(directory));
        (void) snprintf(path, sizeof(path), "%s/fleet", directory);
        f = fopen(path, "w");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
        r = agent_config_load_file(c, path, e);
        (void) unlink(path);
        (void) rmdir(directory);
        return r;
}

static void test_file(void **state _unused_) {
        _cleanup_(agent_config_done) AgentConfig c = {};
        _cleanup_error_ Error e = ERROR_NULL;

        assert_int_equal(load("# a fleet\n\nKUBESIM_FLEET=\"web-:20\"\nCPU_CORES=2\nFLEET_CONNECTIONS='3'\nSYSTEMD_LOG_LEVEL=debug\n ; no\nAPI_SERVER=unix:/x", &c, NULL), 0);
        assert_string_equal(c.fleet, "web-");
        assert_int_equal(c.fleet_size, 20);
        assert_int_equal(c.cpu, 2000);
        assert_int_equal(c.connections, 3);
        assert_string_equal(c.server, "unix:/x");
        assert_int_equal(load("\n\nFLEET_CONNECTIONS=0\n", &c, &e), -EINVAL);
        assert_non_null(strstr(error_message(&e), ":3: FLEET_CONNECTIONS=0"));
        assert_int_equal(agent_config_load_file(&c, "/nonexistent/file", NULL), 0);
}

static void test_a_file_without_a_fleet(void **state _unused_) {
        _cleanup_(agent_config_done) AgentConfig c = {};
        _cleanup_error_ Error e = ERROR_NULL;

        assert_int_equal(agent_config_set(&c, "fleet-file", "/etc/kubesim/fleet.d/x.conf", NULL), 0);
        assert_int_equal(agent_config_check(&c, &e), -EINVAL);
        assert_non_null(strstr(error_message(&e), "KUBESIM_FLEET=PREFIX:COUNT into /etc/kubesim/fleet.d/x.conf"));
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(test_fleet), cmocka_unit_test(test_file), cmocka_unit_test(test_a_file_without_a_fleet) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
