# SPDX-License-Identifier: Apache-2.0
# make bench: what is claimed, beside a limit in the same run; BENCH_ROWS=PATTERN runs the parts whose names match (tests/bench/run lists
# them). What is measured is kept in build/bench/results.json; make bench-report writes docs/BENCHMARKS.md and docs/plots/ from that.

BENCH := $(addprefix $(O)/bench/,load watch empty-server placement)

$(O)/obj/tests/bench/%.o: CPPFLAGS += -I .

$(BENCH): $(O)/bench/%: $(O)/obj/tests/bench/%.o $(O)/obj/tests/bench/client.o $(LIB)
	@mkdir -p $(dir $@)
	$(call link,libsystemd libmicrohttpd sqlite3)

bench: all $(BENCH)
	tests/bench/run $(abspath $(O)) $(if $(BENCH_ROWS),'$(BENCH_ROWS)')

bench-report:
	tests/bench/report $(abspath $(O))

.PHONY: bench bench-report
