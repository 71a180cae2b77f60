/*
 * TOML 1.0: a text becomes a tree of values, each of which knows where it stands.
 */
#ifndef FLYD_TOML_H
#define FLYD_TOML_H

#include <fly/base_mem.h>

enum {
    FLYD_TOML_DEPTH_MAX = 32,      /* arrays and tables within each other */
    FLYD_TOML_SIZE_MAX = 64 * 1024 /* bytes of a text */
};

typedef enum flyd_toml_kind {
    FLYD_TOML_STRING,
    FLYD_TOML_INTEGER,
    FLYD_TOML_FLOAT,
    FLYD_TOML_BOOLEAN,
    FLYD_TOML_TIME, /* a date, a time, or both: `text` has it as it was written */
    FLYD_TOML_ARRAY,
    FLYD_TOML_TABLE
} flyd_toml_kind;

typedef struct flyd_toml {
    flyd_toml_kind kind;
    uint32_t line; /* where it begins, counted from 1; of a table: where it was first named */
    uint32_t column;
    const char *key; /* in a table: its name; strings end with a NUL that is not counted */
    fly_bytes text;
    union {
        int64_t integer;
        double number;
        bool truth;
    };
    struct flyd_toml *first; /* of an array or a table, in the order of the text */
    struct flyd_toml *last;
    struct flyd_toml *next;
    unsigned flags; /* the parser's: how a table came about, which says what may extend it */
} flyd_toml;

/* Parse. The tree lies in the arena. FLY_E_INVALID: the message says line and column, and
 * err->position has the byte. */
FLY_MUST_USE fly_status flyd_toml_parse(fly_arena *arena, fly_bytes text, flyd_toml **root,
                                        fly_err *err);

/* The value of a key in a table; NULL if there is none. */
const flyd_toml *flyd_toml_get(const flyd_toml *table, const char *key);

/* What a kind is called in messages: "a string". */
const char *flyd_toml_kind_name(flyd_toml_kind kind);

#endif
