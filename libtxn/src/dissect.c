/*
 * Dissecting: the store's formats, shown field by field (docs/formats/store.md).
 *
 * A part of known length is walked with the dissector's end drawn in to the part's, so that what is
 * inside cannot run into what follows; after it the dissector stands behind the part whatever was in
 * it.
 *
 * What is not here: libbtree's part of a record, which libbtree knows; pages; the frames of the log.
 */
#include <fly/txn_dissect.h>

#include "txn_int.h"

#include <inttypes.h>
#include <stdio.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const char *const tree_records[] = {
    [FLY_BTREE_LOG_PUT] = "put",        [FLY_BTREE_LOG_REMOVE] = "remove",
    [FLY_BTREE_LOG_NODES] = "nodes",    [FLY_BTREE_LOG_BLOB] = "blob page",
    [FLY_BTREE_LOG_LOAD] = "load page", [FLY_BTREE_LOG_LOADED] = "loaded",
};

static const char *const txn_records[] = {
    [TXN_COMMIT] = "commit",   [TXN_END] = "end",       [TXN_PREPARE] = "prepare",
    [TXN_CEILING] = "ceiling", [TXN_UNDONE] = "undone", [TXN_DROP] = "drop",
};

/* ------------------------------------------------------------------------------- parts */

/* Draw the end in; the end as it was. A part longer than what is left has what is left. */
static size_t begin_part(fly_dissector *d, size_t len)
{
    size_t end = d->bytes.len;
    d->bytes.len = len < fly_dissect_left(d) ? d->at + len : end;
    return end;
}

/* Go behind the part: where it ends, if it was all there. */
static void end_part(fly_dissector *d, size_t part_end, size_t end)
{
    bool cut = part_end > end;
    d->bytes.len = end;
    d->at = cut ? end : part_end;
    if (cut) {
        (void)fly_dissect_digits(d, "rest", part_end - end); /* which is not there: it says so */
    }
}

static void rest(fly_dissector *d, const char *name)
{
    if (fly_dissect_left(d) > 0) {
        (void)fly_dissect_digits(d, name, fly_dissect_left(d));
    }
}

/* ------------------------------------------------------------------------------- values */

static const char *flags_text(uint64_t flags, char *text, size_t size)
{
    (void)snprintf(text, size, "%s%s%s", (flags & VALUE_GHOST) != 0 ? " ghost" : "",
                   (flags & VALUE_BLOB) != 0 ? " blob" : "",
                   (flags & ~(uint64_t)(VALUE_GHOST | VALUE_BLOB)) != 0 ? " unknown" : "");
    return text[0] != '\0' ? text + 1 : "none";
}

void fly_txn_dissect_value(fly_dissector *d, size_t len)
{
    size_t part_end = d->at + len;
    size_t end = begin_part(d, len);
    bool whole = fly_dissect_left(d) >= VALUE_HEADER;
    const uint8_t *at = whole ? d->bytes.data + d->at : NULL;
    uint64_t stamp = whole ? fly_get_u64(at) : 0;
    uint8_t flags = whole ? at[8] : 0;
    char text[32];
    fly_dissect_enter(d, "version",
                      "of transaction %" PRIu64 ", undo record %" PRIu32 ", flags: %s",
                      stamp_id(stamp), stamp_index(stamp), flags_text(flags, text, sizeof text));
    (void)fly_dissect_hex(d, "stamp", 8);
    (void)fly_dissect_hex(d, "flags", 1);
    if ((flags & VALUE_BLOB) != 0 && fly_dissect_left(d) == FLY_BTREE_BLOB_REF) {
        (void)fly_dissect_digits(d, "reference to a long value", FLY_BTREE_BLOB_REF);
    } else if (!d->bad) {
        (void)fly_dissect_bytes(d, "payload", fly_dissect_left(d));
    }
    fly_dissect_leave(d);
    end_part(d, part_end, end);
}

/* ------------------------------------------------------------------------------ records */

static void tree_body(fly_dissector *d, uint8_t type, size_t len,
                      const fly_txn_dissect_options *options)
{
    size_t part_end = d->at + len;
    size_t end = begin_part(d, len);
    if (options != NULL && options->body != NULL) {
        options->body(options->ctx, d, type, fly_dissect_left(d));
    } else {
        fly_btree_logged logged;
        fly_bytes body = fly_bytes_of(d->bytes.data + d->at, fly_dissect_left(d));
        if (fly_btree_log_decode(type, body, &logged, NULL) == FLY_OK) {
            char key[64];
            fly_quote(logged.key, key, sizeof key);
            fly_dissect_enter(d, "body", "tree %" PRIu32 ", page %" PRIu32 "%s%s", logged.tree,
                              logged.page, logged.key.len > 0 ? ", key " : "",
                              logged.key.len > 0 ? key : "");
        } else {
            fly_dissect_enter(d, "body", "cannot be read");
        }
        rest(d, "bytes");
        fly_dissect_leave(d);
    }
    end_part(d, part_end, end);
}

static void former_value(fly_dissector *d)
{
    fly_dissect_enter(d, "undo", "what was there before");
    uint64_t had = fly_dissect_number(d, "was there", 1);
    if (had != 0 && !d->bad) {
        fly_txn_dissect_value(d, fly_dissect_left(d));
    }
    fly_dissect_leave(d);
}

static void tree_record(fly_dissector *d, const fly_wal_record *record,
                        const fly_txn_dissect_options *options)
{
    bool compensates = (record->flags & FLAG_COMPENSATION) != 0;
    if ((record->flags & FLAG_SYSTEM) != 0) {
        tree_body(d, record->type, fly_dissect_left(d), options);
        return;
    }
    (void)fly_dissect_number(d, "transaction", 8);
    (void)fly_dissect_number(d, compensates ? "to undo next" : "its record before", 8);
    size_t len = (size_t)fly_dissect_number(d, "length of the body", 4);
    if (d->bad) {
        return;
    }
    tree_body(d, record->type, len, options);
    if (!d->bad && fly_dissect_left(d) > 0) {
        former_value(d);
    }
}

static void txn_record(fly_dissector *d, uint8_t type)
{
    if (type == TXN_CEILING) {
        (void)fly_dissect_number(d, "numbers below may be given out", 8);
        return;
    }
    (void)fly_dissect_number(d, "transaction", 8);
    switch (type) {
    case TXN_COMMIT:
        (void)fly_dissect_time(d, "time");
        break;
    case TXN_PREPARE:
        (void)fly_dissect_number(d, "its last record", 8);
        (void)fly_dissect_bytes(d, "name", fly_dissect_left(d));
        break;
    case TXN_UNDONE:
        (void)fly_dissect_number(d, "to undo next", 8);
        break;
    case TXN_DROP:
        (void)fly_dissect_number(d, "its record before", 8);
        (void)fly_dissect_number(d, "tree", 4);
        (void)fly_dissect_number(d, "root page", 4);
        break;
    default: /* END; or unknown, and then the rest is shown as it is */
        break;
    }
}

static void other_record(fly_dissector *d, const fly_wal_record *record,
                         const fly_txn_dissect_options *options)
{
    bool compensates = (record->flags & FLAG_COMPENSATION) != 0;
    (void)fly_dissect_number(d, "transaction", 8);
    (void)fly_dissect_number(d, compensates ? "to undo next" : "its record before", 8);
    if (!d->bad && options != NULL && options->other != NULL) {
        options->other(options->ctx, d, record, fly_dissect_left(d));
    }
}

const char *fly_txn_record_name(uint8_t manager, uint8_t type)
{
    const char *name = NULL;
    if (manager == MANAGER_TREES && type < COUNT_OF(tree_records)) {
        name = tree_records[type];
    } else if (manager == MANAGER_TXNS && type < COUNT_OF(txn_records)) {
        name = txn_records[type];
    } else if (manager >= FLY_STORE_MANAGER_FIRST) {
        name = "other";
    }
    return name != NULL ? name : "unknown";
}

void fly_txn_dissect_record(fly_dissector *d, const fly_wal_record *record,
                            const fly_txn_dissect_options *options)
{
    size_t part_end = d->at + record->payload.len;
    size_t end = begin_part(d, record->payload.len);
    const char *kind = "";
    if (record->manager == MANAGER_TREES) {
        kind = (record->flags & FLAG_SYSTEM) != 0         ? ", of nobody"
               : (record->flags & FLAG_COMPENSATION) != 0 ? ", undoes"
                                                          : "";
    }
    fly_dissect_enter(d, "record", "%s%s", fly_txn_record_name(record->manager, record->type),
                      kind);
    if (record->manager == MANAGER_TREES) {
        tree_record(d, record, options);
    } else if (record->manager == MANAGER_TXNS) {
        txn_record(d, record->type);
    } else {
        other_record(d, record, options);
    }
    if (!d->bad) {
        rest(d, "payload");
    }
    fly_dissect_leave(d);
    end_part(d, part_end, end);
}

/* --------------------------------------------------------------------------------- meta */

void fly_store_dissect_meta(fly_dissector *d)
{
    fly_dissect_enter(d, "meta", "of a store");
    (void)fly_dissect_number(d, "version", 4);
    (void)fly_dissect_number(d, "root of the catalog", 4);
    (void)fly_dissect_number(d, "next tree", 4);
    (void)fly_dissect_number(d, "reserved", 4);
    (void)fly_dissect_number(d, "redo from", 8);
    (void)fly_dissect_number(d, "scan from", 8);
    (void)fly_dissect_number(d, "ceiling of numbers", 8);
    (void)fly_dissect_number(d, "clock", 8);
    fly_dissect_leave(d);
}
