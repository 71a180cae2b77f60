/*
 * TPC-H's eight tables, row by row, byte for byte as TPC's own generator writes them.
 *
 * The rows follow from the scale factor alone. Where TPC's generator begins in the middle of a
 * table when it runs in parallel, this one always makes whole tables.
 */
#ifndef FLYBENCH_TPCH_GEN_H
#define FLYBENCH_TPCH_GEN_H

#include <fly/base.h>

typedef enum tpch_table {
    TPCH_REGION,
    TPCH_NATION,
    TPCH_SUPPLIER,
    TPCH_CUSTOMER,
    TPCH_PART,
    TPCH_PARTSUPP,
    TPCH_ORDERS,
    TPCH_LINEITEM,
    TPCH_TABLE_COUNT
} tpch_table;

/** The name of a table, as SQL has it. */
const char *tpch_table_name(tpch_table table);

/** Gets each row: fields separated by |, \n at the end; borrowed for the call. Anything but FLY_OK
 *  stops the generator. */
typedef fly_status (*tpch_sink)(void *ctx, tpch_table table, fly_bytes row, fly_err *err);

/** What to make. Zero means the default. */
typedef struct tpch_options {
    double scale;    /**< from 0.001; 1, the default, is about 1 GB */
    unsigned tables; /**< bit 1 << t for each table t; default all */
    unsigned
        text_mib; /**< comments are cut from that much text, kept in memory meanwhile; default 300,
                            as TPC has it. DuckDB has 10: the same rows but for the comments */
} tpch_options;

/**
 * @brief Make tables.
 *
 * Rows of part and partsupp come in turns, as do those of orders and lineitem; tables that are not
 * asked for are left out.
 *
 * @return FLY_E_NO_MEMORY, or what the sink said.
 */
FLY_MUST_USE fly_status tpch_generate(const tpch_options *options, tpch_sink sink, void *ctx,
                                      fly_err *err);

#endif
