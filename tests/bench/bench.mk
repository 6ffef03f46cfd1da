# SPDX-License-Identifier: Apache-2.0
# make bench: what is claimed, beside a limit in the same run.

$(O)/obj/tests/bench/%.o: CPPFLAGS += -I .

$(O)/bench/%: $(O)/obj/tests/bench/%.o $(LIB)
	@mkdir -p $(dir $@)
	$(call link,libsystemd libmicrohttpd sqlite3)

bench: all $(O)/bench/load $(O)/bench/empty-server $(O)/bench/placement
	tests/bench/run $(abspath $(O))

.PHONY: bench
