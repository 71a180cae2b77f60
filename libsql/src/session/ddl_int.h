/*
 * What the files about data definition share. Private to session/.
 */
#ifndef FLY_SQL_DDL_INT_H
#define FLY_SQL_DDL_INT_H

#include "session/stmt_int.h"

/* Say "CREATE TABLE". */
void fly__sql_ddl_tag(fly_sql_stmt *stmt, const char *tag);

/* Memory of the statement: it lasts until the next run. */
void *fly__sql_ddl_alloc(fly_sql_stmt *stmt, size_t size, fly_err *err);
const char *fly__sql_ddl_format(fly_sql_stmt *stmt, fly_err *err, const char *format, ...)
    FLY_PRINTF(3, 4);
/* A name as it stands inside '…'::regclass: quoted if need be; NULL if memory ran out. */
const char *fly__sql_ddl_quoted(fly_sql_stmt *stmt, const char *name, fly_err *err);
/* A tree as SQL text; NULL if memory ran out. */
const char *fly__sql_ddl_text(fly_sql_stmt *stmt, const fly_ast *node, fly_err *err);

/* The schema in which something is made: as named, or the first of the search path. */
fly_status fly__sql_ddl_schema(fly_sql_stmt *stmt, const char *schema, bool temporary, uint32_t pos,
                               uint32_t *oid, fly_err *err);

/* A relation that must be there, of one of the classes in `classes` (NULL: any): 42P01, 42809. */
fly_status fly__sql_ddl_relation(fly_sql_stmt *stmt, const fly_ast_relation *node,
                                 const char *classes, const fly__sql_table **table, fly_err *err);
/* As a dotted name. */
fly_status fly__sql_ddl_named(fly_sql_stmt *stmt, const fly_ast_names *names, uint32_t pos,
                              const char *classes, const fly__sql_table **table, fly_err *err);
/* What a class is called: "table". */
const char *fly__sql_class_name(char class);

/* 42P07 if a relation or index of that name is in the schema. */
fly_status fly__sql_ddl_name_free(fly_sql_stmt *stmt, uint32_t schema, const char *name,
                                  fly_err *err);
/* A free name "table_columns_label", cut to fit, numbered if need be. */
const char *fly__sql_ddl_choose_name(fly_sql_stmt *stmt, uint32_t schema, const char *table,
                                     const char *columns, const char *label, fly_err *err);

/* The attribute of a name, or 0. */
uint16_t fly__sql_column_named(const fly__sql_table *table, const char *name);

/* ddl_table.c */
fly_status fly__sql_create_table(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_create_table_as(fly_sql_stmt *stmt, fly_err *err);
/* A table under construction: `table`'s arrays have room. Also used by ALTER TABLE. */
typedef struct fly__sql_table_draft {
    fly_sql_stmt *stmt;
    fly__sql_table *table;
    fly__sql_column *columns;
    uint32_t column_room;
    const fly__sql_index **indexes;
    uint32_t index_room;
    const fly__sql_constraint **constraints;
    uint32_t constraint_room;
    bool is_new;            /* has no rows yet: its primary key may be the order of its tree */
    uint32_t foreign_count; /* of the last constraints: their other side is not told yet */
    /* Sequences of serial and identity columns, made with the table. */
    struct fly__sql_draft_sequence *sequences;
} fly__sql_table_draft;
fly_status fly__sql_draft_begin(fly_sql_stmt *stmt, const fly__sql_table *from,
                                fly__sql_table_draft *draft, fly_err *err);
fly_status fly__sql_draft_column(fly__sql_table_draft *draft, const fly_ast_column_def *def,
                                 fly_err *err);
/* Make a column an identity column that was none. */
fly_status fly__sql_draft_identity(fly__sql_table_draft *draft, uint16_t number,
                                   const fly_ast_constraint *node, fly_err *err);
fly_status fly__sql_draft_constraint(fly__sql_table_draft *draft, const fly_ast_constraint *node,
                                     uint16_t column, fly_err *err);
/* Put it, its sequences, and the other sides of its foreign keys. */
fly_status fly__sql_draft_put(fly__sql_table_draft *draft, fly_err *err);

/* ddl_index.c */
fly_status fly__sql_create_index(fly_sql_stmt *stmt, fly_err *err);
/* Add the entries of all rows of a table; 23505 if it is unique and they are not. */
fly_status fly__sql_index_build(fly_sql_session *session, const fly__sql_table *table,
                                const fly__sql_index *index, fly_err *err);

/* ddl_alter.c */
fly_status fly__sql_alter_table(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_rename(fly_sql_stmt *stmt, fly_err *err);
/* Check that all rows meet a constraint (NULL: all NOT NULLs). */
fly_status fly__sql_validate(fly_sql_session *session, const fly__sql_table *table,
                             const fly__sql_constraint *constraint, fly_err *err);

/* ddl_view.c */
fly_status fly__sql_create_view(fly_sql_stmt *stmt, fly_err *err);
/* WITH (security_invoker, security_barrier), or with `reset` what they are without. */
fly_status fly__sql_view_options(const fly_ast_list *options, bool reset, fly__sql_table *view,
                                 fly_err *err);
fly_status fly__sql_refresh(fly_sql_stmt *stmt, fly_err *err);

/* ddl_drop.c */
fly_status fly__sql_drop(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_truncate(fly_sql_stmt *stmt, fly_err *err);
/* Give a table, and its indexes, trees with nothing in them. */
fly_status fly__sql_empty_table(fly_sql_stmt *stmt, const fly__sql_table *table, bool populated,
                                fly_err *err);
/* Drop a table with everything that is its own: indexes, sequences, trees. */
fly_status fly__sql_drop_table(fly_sql_session *session, const fly__sql_table *table, fly_err *err);

/* Take a foreign key out of the table that it points to. */
fly_status fly__sql_forget_referrer(fly_sql_session *session, const fly__sql_constraint *constraint,
                                    fly_err *err);

/* The function that an object of the tree names; how many there are. */
uint32_t fly__sql_ddl_function(fly_sql_stmt *stmt, const fly_ast_object *object,
                               const fly__sql_user_function **function);
/* Drop something that has only a name, as DROP does. */
fly_status fly__sql_drop_named(fly_sql_stmt *stmt, fly_ast_object_kind kind, const char *schema,
                               const char *name, bool cascade, fly_err *err);

/* ddl_sequence.c */
fly_status fly__sql_create_sequence(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_alter_sequence(fly_sql_stmt *stmt, fly_err *err);
/* Read the options of CREATE SEQUENCE or an identity column over `sequence`'s values. */
fly_status fly__sql_sequence_options(fly_sql_stmt *stmt, const fly_ast_list *options, bool is_new,
                                     fly__sql_sequence *sequence, fly_err *err);
/* Change a sequence's options, RESTART among them. */
fly_status fly__sql_sequence_alter(fly_sql_stmt *stmt, uint32_t oid, const fly_ast_list *options,
                                   fly_err *err);
/* Put the pair of objects that a sequence is. */
fly_status fly__sql_sequence_put(fly_sql_session *session, const char *name, uint32_t schema,
                                 const fly__sql_sequence *sequence, fly_err *err);

/* ddl_type.c: types, domains */
fly_status fly__sql_create_type(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_create_domain(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_alter_enum(fly_sql_stmt *stmt, fly_err *err);

/* ddl_function.c: functions, triggers */
fly_status fly__sql_create_function(fly_sql_stmt *stmt, fly_err *err);
fly_status fly__sql_create_trigger(fly_sql_stmt *stmt, fly_err *err);

/* Run SQL inside of the statement's transaction, for CREATE TABLE AS and REFRESH: insert what a query
 * gives into a table. */
/* `within`: as fly_sql_stmt has it. */
fly_status fly__sql_insert_from(fly_sql_stmt *stmt, const fly_ast *query,
                                const fly__sql_table *table, uint32_t within, uint64_t *rows,
                                fly_err *err);

/* Where the text of a string constant begins, which stands at a position of the statement's text: its
 * offset there; 0: it is not there as it is. */
uint32_t fly__sql_ddl_string_begins(const fly_sql_stmt *stmt, uint32_t pos);

#endif
