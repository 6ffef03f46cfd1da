# SPDX-License-Identifier: Apache-2.0
# make check and its parts. Each suite ends with "N passed, N failed"; tests/lib/run-suites adds them up.

UNIT_SRC := $(call find_c,tests/unit)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(O)/unit/%,$(UNIT_SRC))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz-*.c))
FUZZERS := $(patsubst tests/fuzz/%.c,$(O)/fuzz/%,$(FUZZ_SRC))
FUZZ_SECONDS ?= 60
ASAN := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
AGENT_OBJECTS = $(call objects,$(filter-out src/kubesim-agent/main.c,$(AGENT_SRC)))

$(O)/obj/tests/%.o: CPPFLAGS += -I .

$(O)/unit/%: $(O)/obj/tests/unit/%.o $(DAEMON_LIB) $(LIB)
	@mkdir -p $(dir $@)
	$(call link,$(PKGS_DAEMON) cmocka)

$(O)/unit/core/test-class-order: $(O)/obj/tests/lib/naive-cluster.o

$(O)/unit/kubesim-agent/%: $(O)/obj/tests/unit/kubesim-agent/%.o $(AGENT_OBJECTS) $(LIB)
	@mkdir -p $(dir $@)
	$(call link,$(PKGS_AGENT) cmocka)

check-unit: $(UNIT_TESTS)
	tests/lib/run-unit $(O)/unit

check-e2e: all
	KUBESIM_BUILD=$(abspath $(O)) KUBESIM_ROUNDS=$(or $(KUBESIM_ROUNDS),6) tests/lib/run-e2e

check-sim: $(O)/sim
	$(O)/sim --corpus=tests/sim/corpus --seconds=$(or $(SIM_SECONDS),20) --seed=$(SIM_SEED)

# New worlds each time; a seed that breaks is printed and belongs into tests/sim/corpus.
SIM_SEED := $(shell date +%s)

# Does the simulation see bugs? Plants some, one after the other.
check-planted:
	tests/sim/planted

$(O)/sim: $(call objects,$(call find_c,tests/sim)) $(LIB)
	$(call link,libsystemd)
$(O)/sim: LDFLAGS += $(foreach f,malloc calloc realloc strdup strndup,-Wl,--wrap=$(f))

# The same under the sanitizers, in a build directory of their own; the long end-to-end tests take fewer rounds there.
check-asan:
	$(MAKE) O=$(O)/asan SANITIZE="$(ASAN)" CFLAGS="-O1 -g" HARDENING=-fPIE check-unit
	$(MAKE) O=$(O)/asan SANITIZE="$(ASAN)" CFLAGS="-O1 -g" HARDENING=-fPIE KUBESIM_ROUNDS=3 check-e2e

# The .deb as a file, and installed and purged in a clean chroot.
check-package:
	tests/package/run $(abspath $(O)) $(VERSION)

check-system: deb
	tests/system/run $(CURDIR)/kubesim_$(VERSION)_*.deb

LIB_CORE_SRC := $(call find_c,src/basic src/core) src/shared/conf-file.c src/kubesimd/config.c \
        $(addprefix src/kubesimd/api/kube/,crd-format.c crd-prune.c crd-schema.c crd-value.c fieldset.c \
        jsonpath.c overlay.c patch.c protobuf.c schema.c strategic.c \
        yaml-reader.c yaml-scalar.c yaml-writer.c) src/kubesimd/auth/account-tokens.c

$(O)/fuzz/%: tests/fuzz/%.c $(LIB_CORE_SRC)
	@mkdir -p $(dir $@)
	clang $(filter-out -fstack-clash-protection -fcf-protection,$(KCFLAGS)) $(shell $(PKG_CONFIG) --cflags $(PKGS_DAEMON)) -g -O1 \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $< $(LIB_CORE_SRC) $(or $(FUZZ_LIBS),-lsystemd -lyaml -lgnutls)

# These look things up in the table of kinds, which knows nearly all of the daemon.
DAEMON_CORE_SRC := $(filter-out src/shared/http-client.c,$(call find_c,src/basic src/core src/shared)) $(filter-out src/kubesimd/main.c,$(DAEMON_SRC))
$(O)/fuzz/fuzz-kube-path $(O)/fuzz/fuzz-selector: LIB_CORE_SRC = $(DAEMON_CORE_SRC)
$(O)/fuzz/fuzz-kube-path $(O)/fuzz/fuzz-selector: FUZZ_LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS_DAEMON))

fuzz: $(FUZZERS)
	FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/run $(abspath $(O)/fuzz)

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

.PHONY: check check-unit check-e2e check-sim check-planted check-package check-asan check-system check-kube-scheduler bench-kube-scheduler fuzz lint docs demo
.SECONDARY:
