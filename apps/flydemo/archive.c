/*
 * Loading, updating, comparing and asking, each through libtxn's public header only.
 *
 * Every function that reads does so in a snapshot, so that what it finds belongs together.
 */
#include "archive.h"

#include <inttypes.h>
#include <string.h>

/* A key or value on its way into a tree. */
typedef struct bytes {
    size_t len;
    uint8_t data[3 * DEMO_NAME_MAX + 32];
} bytes;

static void add(bytes *to, fly_bytes part)
{
    FLY_ASSERT(part.len <= sizeof to->data - to->len);
    if (part.len > 0) {
        memcpy(to->data + to->len, part.data, part.len);
    }
    to->len += part.len;
}

static void add_zero(bytes *to)
{
    add(to, fly_bytes_of("", 1));
}

static fly_bytes all(const bytes *of)
{
    return fly_bytes_of(of->data, of->len);
}

/* ------------------------------------------------------------------ keys and values */

static void record_of(const demo_package *package, uint32_t revision, bytes *value)
{
    uint8_t numbers[13];
    fly_put_u32(numbers, revision);
    fly_put_u64(numbers + 4, package->size + revision); /* a new version is a little larger */
    numbers[12] = (uint8_t)package->version.len;
    value->len = 0;
    add(value, fly_bytes_of(numbers, sizeof numbers));
    add(value, package->version);
    add(value, package->section);
}

/* Take a record apart; false if it is not one. */
static bool parse_record(fly_bytes value, uint32_t *revision, demo_package *package)
{
    if (value.len < 13 || value.data[12] > value.len - 13) {
        return false;
    }
    *revision = fly_get_u32(value.data);
    package->size = fly_get_u64(value.data + 4);
    package->version = fly_bytes_of(value.data + 13, value.data[12]);
    package->section =
        fly_bytes_of(value.data + 13 + value.data[12], value.len - 13 - value.data[12]);
    return true;
}

static void size_key(const demo_package *package, uint32_t revision, bytes *key)
{
    uint8_t size[8];
    fly_put_u64be(size, package->size + revision);
    key->len = 0;
    add(key, fly_bytes_of(size, sizeof size));
    add(key, package->name);
}

static void needs_key(const demo_package *package, const demo_need *need, bytes *key)
{
    key->len = 0;
    add(key, package->name);
    add_zero(key);
    add(key, need->name);
    add_zero(key);
    add(key, need->relation);
}

static void needed_key(const demo_package *package, const demo_need *need, bytes *key)
{
    key->len = 0;
    add(key, need->name);
    add_zero(key);
    add(key, package->name);
}

/* ------------------------------------------------------------------- the store */

static fly_status open_trees(demo_archive *archive, unsigned flags, fly_err *err)
{
    struct {
        const char *name;
        fly_tree **tree;
    } trees[] = {
        {"packages", &archive->packages},
        {"needs", &archive->needs},
        {"needed-by", &archive->needed_by},
        {"by-size", &archive->by_size},
    };
    fly_txn *txn;
    fly_status status = fly_txn_begin(archive->store, NULL, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    for (size_t i = 0; i < sizeof trees / sizeof trees[0]; i++) {
        status = fly_txn_tree_open(txn, trees[i].name, flags, trees[i].tree, err);
        if (status != FLY_OK) {
            fly_txn_rollback(txn);
            return fly_err_set(err, status, "tree \"%s\": %s", trees[i].name,
                               fly_status_text(status));
        }
    }
    return fly_txn_commit(txn, err);
}

fly_status demo_archive_open(demo_archive *archive, const char *dir, bool create, fly_err *err)
{
    *archive = (demo_archive){.store = NULL};
    fly_env_init(&archive->env);
    fly_store_options options = {.create = create};
    fly_status status = fly_store_open(&archive->env, dir, &options, &archive->store, err);
    if (status != FLY_OK) {
        return status;
    }
    status = open_trees(archive, create ? FLY_TREE_CREATE | FLY_TREE_EXCLUSIVE : 0u, err);
    if (status != FLY_OK) {
        fly_status closed = fly_store_close(archive->store, NULL);
        (void)closed; /* the first failure is the one to tell */
    }
    return status;
}

fly_status demo_archive_close(demo_archive *archive, fly_err *err)
{
    return fly_store_close(archive->store, err);
}

static fly_status begin_snapshot(demo_archive *archive, fly_txn **txn, fly_err *err)
{
    fly_txn_options options = {.isolation = FLY_ISOLATION_SNAPSHOT, .read_only = true};
    return fly_txn_begin(archive->store, &options, txn, err);
}

/* ---------------------------------------------------------------------- writing */

static fly_status load_package(demo_archive *archive, fly_txn *txn, const demo_package *package,
                               uint64_t *entries, fly_err *err)
{
    bytes key;
    bytes value;
    record_of(package, 0, &value);
    size_key(package, 0, &key);
    fly_status status = fly_txn_put(txn, archive->packages, package->name, all(&value), err);
    if (status == FLY_OK) {
        status = fly_txn_put(txn, archive->by_size, all(&key), fly_bytes_of(NULL, 0), err);
    }
    *entries += 2;
    demo_needs needs = {.package = package};
    demo_need need;
    while (status == FLY_OK && demo_needs_next(&needs, &need)) {
        needs_key(package, &need, &key);
        status = fly_txn_put(txn, archive->needs, all(&key), fly_bytes_of(NULL, 0), err);
        if (status == FLY_OK) {
            needed_key(package, &need, &key);
            status = fly_txn_put(txn, archive->needed_by, all(&key), fly_bytes_of(NULL, 0), err);
        }
        *entries += 2;
    }
    return status;
}

fly_status demo_archive_load(demo_archive *archive, demo_batch batch, uint64_t *entries,
                             fly_err *err)
{
    fly_txn *txn;
    fly_status status = fly_txn_begin(archive->store, NULL, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    for (size_t i = batch.from; i < batch.to; i++) {
        status = load_package(archive, txn, &batch.index->packages[i], entries, err);
        if (status != FLY_OK) {
            fly_txn_rollback(txn);
            return status;
        }
    }
    return fly_txn_commit(txn, err);
}

static fly_status update_package(demo_archive *archive, fly_txn *txn, const demo_package *package,
                                 uint32_t revision, fly_err *err)
{
    bytes key;
    bytes value;
    record_of(package, revision, &value);
    size_key(package, revision - 1, &key);
    fly_status status = fly_txn_put(txn, archive->packages, package->name, all(&value), err);
    if (status == FLY_OK) {
        status = fly_txn_delete(txn, archive->by_size, all(&key), err);
    }
    if (status == FLY_OK) {
        size_key(package, revision, &key);
        status = fly_txn_insert(txn, archive->by_size, all(&key), fly_bytes_of(NULL, 0), err);
    }
    if (status == FLY_E_NOT_FOUND || status == FLY_E_EXISTS) {
        return fly_err_set(err, FLY_E_CORRUPT, "\"%.*s\" is not as revision %" PRIu32 " left it",
                           (int)package->name.len, (const char *)package->name.data, revision - 1);
    }
    return status;
}

fly_status demo_archive_update(demo_archive *archive, demo_batch batch, uint32_t revision,
                               fly_err *err)
{
    fly_txn *txn;
    fly_status status = fly_txn_begin(archive->store, NULL, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    for (size_t i = batch.from; i < batch.to; i++) {
        status = update_package(archive, txn, &batch.index->packages[i], revision, err);
        if (status != FLY_OK) {
            fly_txn_rollback(txn);
            return status;
        }
    }
    return fly_txn_commit(txn, err);
}

/* --------------------------------------------------------------------- comparing */

static fly_status wrong(fly_err *err, const char *tree, fly_bytes name, const char *what)
{
    return fly_err_set(err, FLY_E_CORRUPT, "tree \"%s\", package \"%.*s\": %s", tree, (int)name.len,
                       (const char *)name.data, what);
}

fly_status demo_archive_revision(demo_archive *archive, const demo_package *package,
                                 uint32_t *revision, fly_err *err)
{
    fly_txn *txn;
    fly_status status = begin_snapshot(archive, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    bytes value;
    uint64_t len = 0;
    demo_package found;
    status = fly_txn_get(txn, archive->packages, package->name, value.data, sizeof value.data, &len,
                         err);
    if (status == FLY_E_NOT_FOUND || status == FLY_E_FULL ||
        (status == FLY_OK &&
         !parse_record(fly_bytes_of(value.data, (size_t)len), revision, &found))) {
        status = wrong(err, "packages", package->name, "is missing or no record");
    }
    fly_txn_rollback(txn);
    return status;
}

typedef struct comparison {
    demo_archive *archive;
    fly_txn *txn;
} comparison;

static fly_status expect(comparison *with, fly_tree *tree, const char *tree_name,
                         const demo_package *package, const bytes *key, const bytes *value,
                         fly_err *err)
{
    bytes found;
    uint64_t len = 0;
    fly_status status =
        fly_txn_get(with->txn, tree, all(key), found.data, sizeof found.data, &len, err);
    if (status == FLY_E_NOT_FOUND) {
        return wrong(err, tree_name, package->name, "an entry is missing");
    }
    if (status == FLY_E_FULL ||
        (status == FLY_OK && !fly_bytes_equal(fly_bytes_of(found.data, (size_t)len), all(value)))) {
        return wrong(err, tree_name, package->name, "an entry has not the value it must have");
    }
    return status;
}

static fly_status compare_package(comparison *with, const demo_package *package, uint32_t revision,
                                  fly_err *err)
{
    demo_archive *archive = with->archive;
    bytes key = {.len = 0};
    bytes value;
    const bytes nothing = {.len = 0};
    add(&key, package->name);
    record_of(package, revision, &value);
    fly_status status = expect(with, archive->packages, "packages", package, &key, &value, err);
    if (status == FLY_OK) {
        size_key(package, revision, &key);
        status = expect(with, archive->by_size, "by-size", package, &key, &nothing, err);
    }
    demo_needs needs = {.package = package};
    demo_need need;
    while (status == FLY_OK && demo_needs_next(&needs, &need)) {
        needs_key(package, &need, &key);
        status = expect(with, archive->needs, "needs", package, &key, &nothing, err);
        if (status == FLY_OK) {
            needed_key(package, &need, &key);
            status = expect(with, archive->needed_by, "needed-by", package, &key, &nothing, err);
        }
    }
    return status;
}

static fly_status count(fly_txn *txn, fly_tree *tree, uint64_t *entries, fly_err *err)
{
    fly_cursor *cursor;
    fly_status status = fly_cursor_open(txn, tree, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    *entries = 0;
    for (status = fly_cursor_first(cursor, err); status == FLY_OK;
         status = fly_cursor_next(cursor, err)) {
        ++*entries;
    }
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

/* How many pairs of names the tree `needs` holds: its keys are two names and a relation. */
static fly_status count_pairs(fly_txn *txn, fly_tree *needs, uint64_t *pairs, fly_err *err)
{
    fly_cursor *cursor;
    fly_status status = fly_cursor_open(txn, needs, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    bytes last = {.len = 0};
    *pairs = 0;
    for (status = fly_cursor_first(cursor, err); status == FLY_OK;
         status = fly_cursor_next(cursor, err)) {
        fly_bytes key = fly_cursor_key(cursor);
        while (key.len > 0 && key.data[key.len - 1] != 0) {
            key.len--; /* less the relation */
        }
        if (!fly_bytes_equal(key, all(&last)) && key.len <= sizeof last.data) {
            last.len = 0;
            add(&last, key);
            ++*pairs;
        }
    }
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

/* Nothing is there that should not be. That nothing is missing has been seen before. */
static fly_status compare_counts(const comparison *with, const demo_index *index, fly_err *err)
{
    demo_archive *archive = with->archive;
    uint64_t packages = 0;
    uint64_t sizes = 0;
    uint64_t needs = 0;
    uint64_t needed_by = 0;
    fly_status status = count(with->txn, archive->packages, &packages, err);
    if (status == FLY_OK) {
        status = count(with->txn, archive->by_size, &sizes, err);
    }
    if (status == FLY_OK) {
        status = count_pairs(with->txn, archive->needs, &needs, err);
    }
    if (status == FLY_OK) {
        status = count(with->txn, archive->needed_by, &needed_by, err);
    }
    if (status == FLY_OK && (packages != index->count || sizes != index->count)) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "%" PRIu64 " records and %" PRIu64 " sizes of %zu packages", packages,
                           sizes, index->count);
    }
    if (status == FLY_OK && needs != needed_by) {
        return fly_err_set(err, FLY_E_CORRUPT,
                           "%" PRIu64 " pairs counted by who needs, %" PRIu64 " by what is needed",
                           needs, needed_by);
    }
    return status;
}

fly_status demo_archive_compare(demo_archive *archive, const demo_index *index, uint32_t revision,
                                size_t updated, fly_err *err)
{
    FLY_ASSERT(revision > 0 || updated == index->count);
    comparison with = {.archive = archive};
    fly_status status = begin_snapshot(archive, &with.txn, err);
    if (status != FLY_OK) {
        return status;
    }
    for (size_t i = 0; i < index->count && status == FLY_OK; i++) {
        status =
            compare_package(&with, &index->packages[i], i < updated ? revision : revision - 1, err);
    }
    if (status == FLY_OK) {
        status = compare_counts(&with, index, err);
    }
    fly_txn_rollback(with.txn);
    return status;
}

/* ------------------------------------------------------------------------ asking */

static fly_status print_package(demo_archive *archive, fly_txn *txn, const char *name, fly_err *err)
{
    bytes value;
    uint64_t len = 0;
    fly_status status = fly_txn_get(txn, archive->packages, fly_bytes_str(name), value.data,
                                    sizeof value.data, &len, err);
    if (status == FLY_E_NOT_FOUND) {
        printf("  %-18s is not in the index\n", name);
        return FLY_OK;
    }
    uint32_t revision;
    demo_package package;
    if (status == FLY_OK &&
        parse_record(fly_bytes_of(value.data, (size_t)len), &revision, &package)) {
        printf("  %-18s version %.*s, revision %" PRIu32 ", section %.*s, %" PRIu64 " KiB\n", name,
               (int)package.version.len, (const char *)package.version.data, revision,
               (int)package.section.len, (const char *)package.section.data, package.size);
    }
    return status;
}

/* Print the first `shown` entries whose key begins with `prefix`, less the prefix, and count all. */
static fly_status print_prefix(fly_txn *txn, fly_tree *tree, fly_bytes prefix, uint64_t shown,
                               uint64_t *found, fly_err *err)
{
    fly_cursor *cursor;
    fly_status status = fly_cursor_open(txn, tree, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    *found = 0;
    for (status = fly_cursor_seek(cursor, prefix, err); status == FLY_OK;
         status = fly_cursor_next(cursor, err)) {
        fly_bytes key = fly_cursor_key(cursor);
        if (key.len < prefix.len || memcmp(key.data, prefix.data, prefix.len) != 0) {
            break;
        }
        if (++*found <= shown) {
            fly_bytes rest = fly_bytes_of(key.data + prefix.len, key.len - prefix.len);
            const uint8_t *zero = memchr(rest.data, 0, rest.len);
            size_t name_len = zero != NULL ? (size_t)(zero - rest.data) : rest.len;
            printf("%s %.*s", *found == 1 ? "" : ",", (int)name_len, (const char *)rest.data);
            if (zero != NULL && name_len + 1 < rest.len) {
                printf(" (%.*s)", (int)(rest.len - name_len - 1), (const char *)zero + 1);
            }
        }
    }
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

/* What a key "name 0" and something finds: in `needs` what it needs, in `needed_by` who needs it. */
static fly_status print_relations(fly_txn *txn, fly_tree *tree, const char *question,
                                  const char *name, fly_err *err)
{
    uint64_t found = 0;
    printf("  %s %s:", question, name);
    fly_status status =
        print_prefix(txn, tree, fly_bytes_of(name, strlen(name) + 1), 5, &found, err);
    printf("%s (%" PRIu64 ")\n", found > 5 ? ", ..." : "", found);
    return status;
}

static fly_status print_from(demo_archive *archive, fly_txn *txn, const char *name, fly_err *err)
{
    fly_cursor *cursor;
    fly_status status = fly_cursor_open(txn, archive->packages, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    printf("  names from \"%s\" on:", name);
    status = fly_cursor_seek(cursor, fly_bytes_str(name), err);
    for (int i = 0; i < 6 && status == FLY_OK; i++) {
        fly_bytes key = fly_cursor_key(cursor);
        printf("%s %.*s", i == 0 ? "" : ",", (int)key.len, (const char *)key.data);
        status = fly_cursor_next(cursor, err);
    }
    printf("\n");
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

static fly_status print_largest(demo_archive *archive, fly_txn *txn, fly_err *err)
{
    fly_cursor *cursor;
    fly_status status = fly_cursor_open(txn, archive->by_size, &cursor, err);
    if (status != FLY_OK) {
        return status;
    }
    printf("  the largest:");
    status = fly_cursor_last(cursor, err);
    for (int i = 0; i < 4 && status == FLY_OK; i++) {
        fly_bytes key = fly_cursor_key(cursor);
        printf("%s %.*s %.1f GiB", i == 0 ? "" : ",", (int)(key.len - 8),
               (const char *)key.data + 8, (double)fly_get_u64be(key.data) / (1 << 20));
        status = fly_cursor_previous(cursor, err);
    }
    printf("\n");
    fly_cursor_close(cursor);
    return status == FLY_E_END ? FLY_OK : status;
}

fly_status demo_archive_ask(demo_archive *archive, fly_err *err)
{
    fly_txn *txn;
    fly_status status = begin_snapshot(archive, &txn, err);
    if (status != FLY_OK) {
        return status;
    }
    status = print_package(archive, txn, "bash", err);
    if (status == FLY_OK) {
        status = print_package(archive, txn, "libc6", err);
    }
    if (status == FLY_OK) {
        status = print_relations(txn, archive->needs, "needs of", "bash", err);
    }
    if (status == FLY_OK) {
        status = print_relations(txn, archive->needed_by, "who needs", "libc6", err);
    }
    if (status == FLY_OK) {
        status = print_from(archive, txn, "libpq", err);
    }
    if (status == FLY_OK) {
        status = print_largest(archive, txn, err);
    }
    fly_txn_rollback(txn);
    return status;
}
