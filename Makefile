# diskstore. The two commands that matter: `make run` and `make test`.
#
#   make               build/diskstore
#   make run           install what is missing, build, start the server on
#                      conf/diskstore.conf (ARGS='--port 6380' adds options)
#   make test          install what is missing, build, run all tests
#   make torture       the long tests      make bench   figures against Redis
#   make clients       tests of clients that are not in Debian, from npm
#   make fuzz          the fuzzers         make lint    clang-tidy, cppcheck
#   make format        clang-format        make clean   remove build/
#   make install PREFIX=/usr/local         binary and conf (DESTDIR works)
#
# V=1 shows the commands; CC=clang works everywhere.
# SANITIZE=address,undefined or SANITIZE=thread before any target builds into
# a directory of its own, build/address-undefined.
#
# All sources are found by globbing: a new file needs no line here. A change
# of flags rebuilds (the "flags" file), a removed file too (the "members"
# file), and headers are tracked by the compiler (-MMD).

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

ifeq ($(origin CC),default)
CC := gcc
endif
SANITIZE ?=
PREFIX ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= $(if $(filter /usr,$(PREFIX)),/etc,$(PREFIX)/etc)
FUZZ_SECONDS ?= 60
ARGS ?=

comma := ,
BUILD := build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))

include deps/deps.mk

# --- flags ----------------------------------------------------------------

CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes
WERROR ?= -Werror
CPPFLAGS_ALL := -D_GNU_SOURCE -Isrc $(DEPS_CFLAGS) $(CPPFLAGS)
# -rdynamic gives the backtrace of a failed assertion its names.
LDFLAGS_ALL := -pthread -rdynamic $(LDFLAGS)
ifneq ($(SANITIZE),)
SANITIZE_FLAGS := -fsanitize=$(SANITIZE) -fno-omit-frame-pointer \
    -fno-sanitize-recover=all
# -DSANITIZED is for tests that look at the memory of the process.
CPPFLAGS_ALL += -DSANITIZED
# What the sanitizers insert confuses gcc's flow analysis into warnings about
# code that is right; the plain build is the one that must be silent.
override WERROR :=
endif
CFLAGS_ALL := -std=c11 $(CFLAGS) -pthread $(WARNINGS) $(WERROR) \
    $(SANITIZE_FLAGS)
COMPILE := $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL)
LINK := $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL)

# --- files ----------------------------------------------------------------

SRC := $(sort $(wildcard src/*.c src/*/*.c))
OBJ := $(patsubst %.c,$(BUILD)/%.o,$(SRC) $(DEPS_SRC))
MAIN := $(BUILD)/src/main.o
LIB := $(BUILD)/libdiskstore.a

# tests/<room>/test_*.c, bench_*.c and tests/fuzz/fuzz_*.c are a program each;
# what else stands beside them helps them, and is linked where it is called.
# tests/probe/ is apart: its programs say at their top how to build them.
TEST_SRC := $(sort $(wildcard tests/test_*.c tests/*/test_*.c))
BENCH_SRC := $(sort $(wildcard tests/*/bench_*.c))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
HELPER_SRC := $(sort $(filter-out tests/probe/% \
    $(TEST_SRC) $(BENCH_SRC) $(FUZZ_SRC),$(wildcard tests/*/*.c)))
# Tests run elsewhere, and some read what stands in the tree.
TEST_CPPFLAGS := -Itests -DSOURCE_DIR='"$(CURDIR)"'
TEST_BIN := $(TEST_SRC:%.c=$(BUILD)/%)
BENCH_BIN := $(BENCH_SRC:%.c=$(BUILD)/%)
FUZZ_BIN := $(FUZZ_SRC:%.c=$(BUILD)/%)
HELPER_OBJ := $(HELPER_SRC:%.c=$(BUILD)/%.o)
HELPER_LIB := $(BUILD)/libtests.a
C_FILES := $(SRC) $(wildcard src/*.h src/*/*.h tests/*/*.c tests/*/*.h)

# --- building -------------------------------------------------------------

.PHONY: all tests benches run test torture clients bench fuzz fuzzers lint format \
    install clean FORCE
.SECONDARY: # keep objects of tests

all: $(BUILD)/diskstore
tests: all $(TEST_BIN)
benches: all $(BENCH_BIN)

# Without V=1 a step is told in one short line.
Q := $(if $(V),,@)
tell = $(if $(V),,@printf '  %-5s %s\n' $(1) $@)

# $(call remember,text): the recipe of a file that holds text, and is touched
# only when text is another than last time.
remember = @mkdir -p $(@D); printf '%s\n' '$(1)' | cmp -s - $@ || \
    printf '%s\n' '$(1)' >$@

$(BUILD)/flags: FORCE
	$(call remember,$(COMPILE) | $(LINK) $(DEPS_LIBS) $(TEST_LIBS))

$(BUILD)/members: FORCE
	$(call remember,$(OBJ) $(HELPER_OBJ))

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call tell,cc)
	$(Q)$(COMPILE) $(if $(filter tests/%,$<),$(TEST_CPPFLAGS)) -MMD -MP -c -o $@ $<

# Appended, not replaced: members are known by their last name only, and two
# rooms may have a file of the same name.
$(LIB): $(filter-out $(MAIN),$(OBJ))
$(HELPER_LIB): $(HELPER_OBJ)
$(LIB) $(HELPER_LIB): $(BUILD)/members
	@rm -f $@
	$(call tell,ar)
	$(Q)$(AR) qcs $@ $(filter %.o,$^)

$(BUILD)/diskstore: $(MAIN) $(LIB)
	$(call tell,link)
	$(Q)$(LINK) -o $@ $^ $(DEPS_LIBS)

$(TEST_BIN) $(BENCH_BIN): $(BUILD)/%: $(BUILD)/%.o $(HELPER_LIB) $(LIB)
	$(call tell,link)
	$(Q)$(LINK) -o $@ $^ $(TEST_LIBS) $(DEPS_LIBS)

$(FUZZ_BIN): $(BUILD)/%: $(BUILD)/%.o $(HELPER_LIB) $(LIB)
	$(call tell,link)
	$(Q)$(LINK) -fsanitize=fuzzer -o $@ $^ $(TEST_LIBS) $(DEPS_LIBS)

-include $(OBJ:.o=.d) $(patsubst %.c,$(BUILD)/%.d,$(TEST_SRC) $(BENCH_SRC) \
    $(FUZZ_SRC) $(HELPER_SRC))

# --- running --------------------------------------------------------------

# What was not installed when this file was read could not be found by
# deps.mk: so these targets install first and then build in a make of their
# own, on all cores unless make was told its -j.
jobs = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

run:
	@deps/install deps/build.txt
	@$(MAKE) $(jobs) all
	@exec $(BUILD)/diskstore server conf/diskstore.conf $(ARGS)

test:
	@deps/install deps/build.txt deps/test.txt
	@$(MAKE) $(jobs) tests
	@tests/run --build $(BUILD) --sanitize '$(SANITIZE)' $(ARGS)

torture:
	@deps/install deps/build.txt deps/test.txt
	@$(MAKE) $(jobs) tests
	@tests/run --torture --build $(BUILD) --sanitize '$(SANITIZE)' $(ARGS)

# What these tests want is fetched by npm, as npm is configured here.
clients:
	@deps/install deps/build.txt deps/test.txt
	@command -v npm >/dev/null || deps/install deps/clients.txt
	@$(MAKE) $(jobs) all
	@mkdir -p build/clients
	@cp tests/js/package.json build/clients
	@cd build/clients && npm install --no-audit --no-fund --no-package-lock \
	    --ignore-scripts --loglevel=error
	@tests/run --npm --build $(BUILD) --sanitize '$(SANITIZE)' $(ARGS)

bench:
	@deps/install deps/build.txt deps/test.txt
	@$(MAKE) $(jobs) benches
	@exec tests/bench/run $(ARGS)

# Each tests/fuzz/fuzz_NAME.c is a libFuzzer program (LLVMFuzzerTestOneInput),
# run for FUZZ_SECONDS from the corpus in tests/fuzz/corpus/NAME, if any; what
# it finds itself is kept in build/fuzz.
fuzz:
	@deps/install deps/build.txt deps/lint.txt
	@$(MAKE) $(jobs) CC=clang SANITIZE=fuzzer-no-link,address,undefined \
	    BUILD=build/fuzz fuzzers

fuzzers: $(FUZZ_BIN)
	@[ -n '$(FUZZ_BIN)' ] || echo 'no tests/fuzz/fuzz_*.c to run'
	@set -e; for bin in $(FUZZ_BIN); do \
	    name=$${bin##*/fuzz_}; echo "fuzz: $$name, $(FUZZ_SECONDS) s"; \
	    found=$(BUILD)/corpus/$$name; seeds=tests/fuzz/corpus/$$name; \
	    mkdir -p $$found; [ -d $$seeds ] || seeds=; \
	    $$bin -max_total_time=$(FUZZ_SECONDS) -timeout=10 -print_final_stats=1 \
	        -artifact_prefix=$(BUILD)/$$name- $$found $$seeds; \
	done

# --- looking after the sources --------------------------------------------

lint:
	@deps/install deps/build.txt deps/test.txt deps/lint.txt
	@printf '%s\n' $(filter %.c,$(C_FILES)) | xargs -P $$(nproc) -I{} \
	    clang-tidy --quiet {} -- -std=c11 $(CPPFLAGS_ALL) -Itests \
	    '-DSOURCE_DIR="$(CURDIR)"' $(WARNINGS)
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 \
	    --enable=warning,performance,portability -D_GNU_SOURCE \
	    -j $$(nproc) -Isrc src

format:
	@deps/install deps/lint.txt
	clang-format -i $(C_FILES)

# An existing configuration is the user's: it is kept.
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(SYSCONFDIR)
	install -m 755 $(BUILD)/diskstore $(DESTDIR)$(PREFIX)/bin/diskstore
	@conf=$(DESTDIR)$(SYSCONFDIR)/diskstore.conf; \
	if [ -e $$conf ]; then echo "kept $$conf"; else \
	    set -x; install -m 644 conf/diskstore.conf $$conf; fi

clean:
	rm -rf build
