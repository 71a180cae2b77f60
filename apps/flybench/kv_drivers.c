/*
 * The table of engines: which there are, and which are in this build.
 *
 * CMakeLists.txt defines FLYBENCH_<NAME> for each engine that it found.
 */
#include "kv_driver.h"

#ifdef FLYBENCH_FLYDB
extern const kv_driver kv_flydb;
#define FLYDB (&kv_flydb)
#else
#define FLYDB NULL
#endif

#ifdef FLYBENCH_LMDB
extern const kv_driver kv_lmdb;
#define LMDB (&kv_lmdb)
#else
#define LMDB NULL
#endif

#ifdef FLYBENCH_WIREDTIGER
extern const kv_driver kv_wiredtiger;
#define WIREDTIGER (&kv_wiredtiger)
#else
#define WIREDTIGER NULL
#endif

#ifdef FLYBENCH_ROCKSDB
extern const kv_driver kv_rocksdb;
#define ROCKSDB (&kv_rocksdb)
#else
#define ROCKSDB NULL
#endif

#ifdef FLYBENCH_SQLITE
extern const kv_driver kv_sqlite;
#define SQLITE (&kv_sqlite)
#else
#define SQLITE NULL
#endif

extern const kv_driver kv_bare;

const kv_engine kv_engines[KV_ENGINE_COUNT] = {
    {"flydb", FLYDB},     {"lmdb", LMDB},     {"wiredtiger", WIREDTIGER},
    {"rocksdb", ROCKSDB}, {"sqlite", SQLITE}, {"bare", &kv_bare},
};

const char *kv_durability_name(kv_durability level)
{
    static const char *const names[KV_DURABILITY_COUNT] = {"off", "async", "full"};
    return names[level];
}
