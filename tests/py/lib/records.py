"""Counts the records of a store that no server has open, by their families
(docs/FORMAT.md), with LevelDB's own C library.

    server.stop()
    counted(server.ds_path)     # {"k": 2, "e": 1, "m": 5}

It opens a copy: LevelDB writes when it opens.
"""

import collections
import ctypes
import ctypes.util
import os
import shutil
import tempfile

POINTER, SIZE = ctypes.c_void_p, ctypes.c_size_t


def _library():
    found = ctypes.util.find_library("leveldb") or "libleveldb.so.1d"
    library = ctypes.CDLL(found)
    for name, result, arguments in (
            ("options_create", POINTER, []),
            ("options_destroy", None, [POINTER]),
            ("readoptions_create", POINTER, []),
            ("readoptions_destroy", None, [POINTER]),
            ("open", POINTER, [POINTER, ctypes.c_char_p,
                               ctypes.POINTER(ctypes.c_char_p)]),
            ("close", None, [POINTER]),
            ("create_iterator", POINTER, [POINTER, POINTER]),
            ("iter_destroy", None, [POINTER]),
            ("iter_seek_to_first", None, [POINTER]),
            ("iter_valid", ctypes.c_ubyte, [POINTER]),
            ("iter_next", None, [POINTER]),
            ("iter_key", POINTER, [POINTER, ctypes.POINTER(SIZE)])):
        function = getattr(library, "leveldb_" + name)
        function.restype = result
        function.argtypes = arguments
    return library


def keys(data_path):
    """The keys of all records in a LevelDB directory."""
    level = _library()
    options, reading = level.leveldb_options_create(), \
        level.leveldb_readoptions_create()
    error = ctypes.c_char_p()
    database = level.leveldb_open(options, data_path.encode(),
                                  ctypes.byref(error))
    assert not error.value, error.value
    iterator = level.leveldb_create_iterator(database, reading)
    level.leveldb_iter_seek_to_first(iterator)
    size = SIZE()
    while level.leveldb_iter_valid(iterator):
        start = level.leveldb_iter_key(iterator, ctypes.byref(size))
        yield ctypes.string_at(start, size.value)
        level.leveldb_iter_next(iterator)
    level.leveldb_iter_destroy(iterator)
    level.leveldb_close(database)
    level.leveldb_readoptions_destroy(reading)
    level.leveldb_options_destroy(options)


def counted(ds_path):
    """How many records each family has."""
    with tempfile.TemporaryDirectory() as directory:
        copy = os.path.join(directory, "data")
        shutil.copytree(os.path.join(ds_path, "data"), copy)
        return collections.Counter(chr(key[0]) for key in keys(copy))
