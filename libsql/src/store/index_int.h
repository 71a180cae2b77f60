/*
 * Entries of indexes.
 */
#ifndef FLY_SQL_INDEX_INT_H
#define FLY_SQL_INDEX_INT_H

#include "session/session_int.h"
#include "store/key_int.h"

/* How an index's column orders its values. */
fly_status fly__sql_index_order(fly_sql_session *session, const fly__sql_index *index,
                                uint16_t column, fly__sql_key_order *order, fly_err *err);

/* Of all its columns, in an array in the arena: for whoever makes many entries. */
fly_status fly__sql_index_orders(fly_sql_session *session, const fly__sql_index *index,
                                 fly_arena *arena, const fly__sql_key_order **orders, fly_err *err);

/* The entry of a row, in `arena`: FLY_E_NOT_FOUND, without a message, if it has none. */
fly_status fly__sql_index_entry(fly_sql_session *session, const fly__sql_table *table,
                                const fly__sql_index *index, const fly__sql_key_order *orders,
                                const fly_vec_value *values, fly_bytes row_key, fly_arena *arena,
                                fly_bytes *key, fly_bytes *value, fly_err *err);

/* Say that an entry's key is too long: 54000. */
fly_status fly__sql_index_too_large(fly_txn *txn, const fly__sql_index *index, size_t size,
                                    fly_err *err);

/* The encoded columns of a row's entry. `*has_null`: whether one of them is NULL. May be NULL. */
fly_status fly__sql_index_columns_key(fly_sql_session *session, const fly__sql_table *table,
                                      const fly__sql_index *index, const fly_vec_value *values,
                                      fly_arena *arena, fly_bytes *key, bool *has_null,
                                      fly_err *err);

/* As above, with the columns' orders at hand. */
fly_status fly__sql_index_ordered_key(fly_sql_session *session, const fly__sql_table *table,
                                      const fly__sql_index *index, const fly__sql_key_order *orders,
                                      const fly_vec_value *values, fly_arena *arena, fly_bytes *key,
                                      fly_err *err);

/* Add the entry of a row: FLY_E_EXISTS, without a message, if a unique key is there. Rows that the
 * index's predicate leaves out have none. */
fly_status fly__sql_index_add(fly_sql_session *session, fly_txn *txn, const fly__sql_table *table,
                              const fly__sql_index *index, const fly_vec_value *values,
                              fly_bytes row_key, fly_arena *arena, fly_err *err);
fly_status fly__sql_index_remove(fly_sql_session *session, fly_txn *txn,
                                 const fly__sql_table *table, const fly__sql_index *index,
                                 const fly_vec_value *values, fly_bytes row_key, fly_arena *arena,
                                 fly_err *err);

/* Whether two rows with one row key have the same entry. */
fly_status fly__sql_index_same(fly_sql_session *session, const fly__sql_table *table,
                               const fly__sql_index *index, const fly_vec_value *a,
                               const fly_vec_value *b, fly_arena *arena, bool *same, fly_err *err);

/* The row key in an entry. */
fly_status fly__sql_index_entry_row(const fly__sql_index *index, fly_bytes key, fly_bytes value,
                                    fly_bytes *row_key, fly_err *err);

/* The row that has the unique key that `values` would have, waiting for whoever is about to insert or
 * delete it: FLY_E_NOT_FOUND. */
fly_status fly__sql_index_find(fly_sql_session *session, fly_txn *txn, const fly__sql_table *table,
                               const fly__sql_index *index, const fly_vec_value *values,
                               fly_lock_mode mode, fly_arena *arena, fly_bytes *row_key,
                               fly_err *err);

/* Say that a unique key is there already: 23505. */
fly_status fly__sql_index_violated(fly_sql_session *session, const fly__sql_table *table,
                                   const fly__sql_index *index, const fly_vec_value *values,
                                   fly_err *err);

#endif
