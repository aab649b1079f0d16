# Finds the libraries of deps/build.txt and deps/test.txt: by pkg-config where
# they bring a .pc file, else by name. LevelDB brings none.
#
# Gives DEPS_CFLAGS, DEPS_LIBS for the server, TEST_LIBS for unit tests, and
# DEPS_SRC: sources that some builds add.
PKG_CONFIG ?= pkg-config

# $(call dep_cflags,pkg) and $(call dep_libs,pkg,fallback)
dep_cflags = $(shell $(PKG_CONFIG) --cflags $(1) 2>/dev/null)
dep_libs = $(or $(shell $(PKG_CONFIG) --libs $(1) 2>/dev/null),$(2))

DEPS_CFLAGS := $(call dep_cflags,libuv) $(call dep_cflags,libxxhash) \
    $(call dep_cflags,nettle) $(call dep_cflags,lua5.1)
DEPS_LIBS := -lleveldb $(call dep_libs,libuv,-luv) \
    $(call dep_libs,libxxhash,-lxxhash) $(call dep_libs,nettle,-lnettle) \
    $(call dep_libs,lua5.1-cjson,-llua5.1-cjson) \
    $(call dep_libs,lua5.1-bitop,-llua5.1-bitop) \
    $(call dep_libs,lua5.1,-llua5.1) $(call dep_libs,liblzf,-llzf) -lm
TEST_LIBS := $(call dep_libs,cmocka,-lcmocka)

# jemalloc replaces malloc of the whole process, LevelDB's too. The sanitizers
# do the same, so it is in the plain build only; it comes first, so that its
# malloc is the one that is found.
ifeq ($(SANITIZE),)
DEPS_CFLAGS += -DUSE_JEMALLOC $(call dep_cflags,jemalloc)
DEPS_LIBS := $(call dep_libs,jemalloc,-ljemalloc) $(DEPS_LIBS)
endif

# ThreadSanitizer: see deps/tsan_leveldb.c and tsan_close.c, which wrap these.
ifneq ($(findstring thread,$(SANITIZE)),)
LEVELDB_WRAPPED := $(addprefix leveldb_,open close put delete write get \
    create_iterator iter_destroy iter_seek_to_first iter_seek_to_last \
    iter_seek iter_next iter_prev create_snapshot release_snapshot \
    property_value approximate_sizes compact_range cache_destroy)
DEPS_SRC := deps/tsan_leveldb.c deps/tsan_close.c
DEPS_LIBS := $(LEVELDB_WRAPPED:%=-Wl,--wrap=%) -Wl,--wrap=close \
    -Wl,--wrap=closedir $(DEPS_LIBS)
endif
