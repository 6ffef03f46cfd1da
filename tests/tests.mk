# SPDX-License-Identifier: Apache-2.0
# make check and its parts. Each suite ends with "N passed, N failed"; tests/lib/run-suites adds them up.

UNIT_SRC := $(call find_c,tests/unit)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRC))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz-*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(O)/bin/%,$(FUZZ_SRC))
FUZZ_SECONDS ?= 60
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
AGENT_OBJECTS = $(call objects,$(filter-out src/kubesim-agent/main.c,$(AGENT_SRC)))

$(O)/obj/tests/%.o: CPPFLAGS += -I .

$(O)/unit/%: $(O)/obj/tests/unit/%.o $(DAEMON_LIB) $(LIB)
	@mkdir -p $(dir $@)
	$(call link,$(PKGS_DAEMON) cmocka)

$(O)/unit/core/test-class-order: $(O)/obj/tests/lib/naive-cluster.o

# These let allocations fail.
WRAP_MEMORY := $(foreach f,malloc calloc realloc strdup strndup,-Wl,--wrap=$(f))
$(O)/unit/core/test-what-if $(O)/unit/kubesimd/test-questions: $(call objects,tests/sim/memory.c tests/lib/wrap-memory.c)
$(O)/unit/core/test-what-if $(O)/unit/kubesimd/test-questions $(O)/sim: LDFLAGS += $(WRAP_MEMORY)
$(O)/unit/kubesimd/test-questions: LDFLAGS += $(foreach f,http_request_method http_request_query http_request_param http_request_header \
        http_request_body http_reply_stream http_stream_wake_by,-Wl,--wrap=$(f))

$(O)/unit/kubesim-agent/%: $(O)/obj/tests/unit/kubesim-agent/%.o $(AGENT_OBJECTS) $(LIB)
	@mkdir -p $(dir $@)
	$(call link,$(PKGS_AGENT) cmocka)

# A daemon of which the end-to-end tests let parts fail.
$(O)/faulty/kubesimd: LDFLAGS += $(WRAP_MEMORY) $(foreach f,storage_writer_submit http_reply http_reply_error http_server_fail_held sqlite3_step \
        sqlite3_exec,-Wl,--wrap=$(f))
$(O)/faulty/kubesimd: $(call objects,src/kubesimd/main.c tests/lib/faulty.c tests/lib/wrap-memory.c) $(DAEMON_LIB) $(LIB)
	@mkdir -p $(dir $@)
	$(call link,$(PKGS_DAEMON))

check-unit: $(UNIT_TESTS)
	tests/lib/run-unit $(O)/unit

check-e2e: all $(O)/faulty/kubesimd
	KUBESIM_BUILD=$(abspath $(O)) KUBESIM_ROUNDS=$(or $(KUBESIM_ROUNDS),6) tests/lib/run-e2e

check-sim: $(O)/sim
	$(O)/sim --corpus=tests/sim/corpus --seconds=$(or $(SIM_SECONDS),20) --seed=$(SIM_SEED)

# New worlds each time; a seed that breaks is printed and belongs into tests/sim/corpus.
SIM_SEED := $(shell date +%s)

# Does the simulation see bugs? Plants some, one after the other.
check-planted:
	tests/sim/planted

$(O)/sim: $(call objects,$(call find_c,tests/sim) tests/lib/wrap-memory.c) $(LIB)
	$(call link,libsystemd)

# The same under the sanitizers, in a build directory of their own; the long end-to-end tests take fewer rounds there.
check-asan:
	$(MAKE) O=$(O)/asan SANITIZE="$(ASAN)" CFLAGS="-O1 -g" HARDENING=-fPIE check-unit
	$(MAKE) O=$(O)/asan SANITIZE="$(ASAN)" CFLAGS="-O1 -g" HARDENING=-fPIE KUBESIM_ROUNDS=3 check-e2e

# The .deb as a file, and installed and purged in a clean chroot.
check-package:
	tests/package/run $(abspath $(O)) $(VERSION)

check-system: deb
	$(MAKE) check-system-as-built

# With the .deb that is there.
check-system-as-built:
	tests/system/run $(CURDIR)/kubesim_$(VERSION)_*.deb

# By clang, in a build directory of their own: libFuzzer wants its marks in everything that it is to look into.
FUZZ := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all

$(O)/bin/fuzz-%: $(O)/obj/tests/fuzz/fuzz-%.o $(DAEMON_LIB) $(LIB)
	@mkdir -p $(dir $@)
	$(call link,$(PKGS_DAEMON)) -fsanitize=fuzzer

fuzzers: $(FUZZERS)

fuzz:
	$(MAKE) O=$(O)/fuzz CC=clang SANITIZE="$(FUZZ)" CFLAGS="-O1 -g" HARDENING=-fPIE fuzzers
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(abspath $(O)/fuzz/bin)

# The parts of docs/KUBERNETES.md that say what kubesimd does with each kind and field.
docs: $(O)/kubesimd
	cd tests/e2e && KUBESIM_BUILD=$(abspath $(O)) PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 support.py

# A genuine kube-scheduler, built from Debian's archive when it is not there yet (some minutes), judges what the Kubernetes door serves and
# where pods go. bench-kube-scheduler measures it beside ours.
$(O)/peers/kube-scheduler:
	tests/peers/kube-scheduler-build $(O)/peers

check-kube-scheduler: all $(O)/peers/kube-scheduler
	KUBESIM_BUILD=$(abspath $(O)) tests/lib/run-e2e ../peers

bench-kube-scheduler: all $(O)/bench/load $(O)/peers/kube-scheduler
	tests/peers/bench $(abspath $(O))

lint:
	tests/lint/run

check:
	packaging/bootstrap tests
	tests/lib/run-suites $(O)

demo:
	packaging/bootstrap
	$(MAKE) all
	packaging/demo $(O)

.PHONY: check check-unit check-e2e check-sim check-planted check-package check-asan check-system check-system-as-built check-kube-scheduler bench-kube-scheduler fuzz fuzzers lint docs demo
.SECONDARY:
