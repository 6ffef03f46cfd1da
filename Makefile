# SPDX-License-Identifier: Apache-2.0
# One Makefile, no recursion. O= is the build directory; everything else is found by where it stands:
# src/<program>/**.c is that program, src/{basic,shared,core}/**.c is the library that programs and tests link.

VERSION := 0.1.0
O ?= build
CC ?= gcc
CFLAGS ?= -O2 -g
PKG_CONFIG ?= pkg-config

WARNINGS := -Wall -Wextra -Wshadow -Wmissing-prototypes -Wmissing-declarations -Wstrict-prototypes \
        -Wwrite-strings -Wpointer-arith -Wundef -Wformat=2 -Wredundant-decls -fno-common -Wdate-time
HARDENING := -fstack-protector-strong -fstack-clash-protection $(if $(filter x86_64,$(shell uname -m)),-fcf-protection) -fPIE
KCFLAGS := -std=gnu11 -D_GNU_SOURCE -I src -DKUBESIM_VERSION='"$(VERSION)"' $(WARNINGS) $(WERROR) $(HARDENING) \
        -pthread -fvisibility=hidden $(SANITIZE)
KLDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed -pthread $(SANITIZE)
PKGS_DAEMON := libsystemd libmicrohttpd gnutls sqlite3 yaml-0.1 zlib
PKGS_AGENT := libsystemd libcurl libnl-3.0 libnl-route-3.0 libmicrohttpd
PKGS_CTL := libsystemd libcurl json-c yaml-0.1
PKGS_ALL := $(PKGS_DAEMON) $(PKGS_AGENT) $(PKGS_CTL)

find_c = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
objects = $(patsubst %.c,$(O)/obj/%.o,$(1))

LIB_SRC := $(call find_c,src/basic src/shared src/core)
DAEMON_SRC := $(call find_c,src/kubesimd)
AGENT_SRC := $(call find_c,src/kubesim-agent)
CTL_SRC := $(call find_c,src/kubesimctl)
LIB := $(O)/libkubesim.a
DAEMON_LIB := $(O)/libkubesimd.a
PROGRAMS := $(O)/kubesimd $(O)/kubesim-agent $(O)/kubesimctl

all: $(PROGRAMS)

$(O)/obj/%.o: %.c
	@mkdir -p $(dir $@)
	$(CC) $(KCFLAGS) $(shell $(PKG_CONFIG) --cflags $(PKGS_ALL)) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c $< -o $@

$(O)/obj/src/kubesimd/api/kube/types/schema.o: src/kubesimd/api/kube/types/schema.tsv
$(O)/obj/src/kubesimd/api/kube/types/support.o: src/kubesimd/api/kube/types/support.tsv

$(LIB): $(call objects,$(LIB_SRC))
	@rm -f $@
	$(AR) rcsD $@ $^

# Everything of the daemon but its main, so that tests can link it.
$(DAEMON_LIB): $(call objects,$(filter-out src/kubesimd/main.c,$(DAEMON_SRC)))
	@rm -f $@
	$(AR) rcsD $@ $^

link = $(CC) $(KLDFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(shell $(PKG_CONFIG) --libs $(1)) -lm

$(O)/kubesimd: $(call objects,src/kubesimd/main.c) $(DAEMON_LIB) $(LIB)
	$(call link,$(PKGS_DAEMON))

$(O)/kubesim-agent: $(call objects,$(AGENT_SRC)) $(LIB)
	$(call link,$(PKGS_AGENT))

$(O)/kubesimctl: $(call objects,$(CTL_SRC)) $(LIB)
	$(call link,$(PKGS_CTL))

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
-include packaging/install.mk tests/tests.mk tests/bench/bench.mk

clean:
	rm -rf $(O)

.PHONY: all clean
.DEFAULT_GOAL := all
