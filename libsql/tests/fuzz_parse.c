/*
 * Any bytes as SQL. What parses must print, and parse again to an equal tree; what does not must say
 * where, within the text. Byte 0 chooses the switches; the rest is the text, in a block of exactly its
 * size, so that ASan sees a step beyond.
 */
#include "parse/ast_int.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(fly_arena *arena, const fly_ast *node, const fly_sql_parse_options *options)
{
    fly_bytes text;
    fly_sql_statements statements;
    fly_err err = {0};
    FLY_ASSERT(fly__sql_print(arena, node, &text, &err) == FLY_OK);
    fly_status status = fly__sql_parse(arena, text, options, &statements, &err);
    if (status == FLY_E_TOO_LARGE) {
        return; /* parentheses were added */
    }
    FLY_ASSERT(status == FLY_OK);
    FLY_ASSERT(statements.count == 1);
    FLY_ASSERT(fly__sql_ast_equal(node, statements.items[0].node));
    FLY_ASSERT(fly__sql_ast_dump(arena, node, &text, &err) == FLY_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const fly_sql_parse_options options = {
        .lax_syntax = (data[0] & 1) != 0, .question_params = (data[0] & 2) != 0, .depth_max = 200};
    uint8_t *text = fly_mem_alloc(fly_mem_system(), size - 1);
    FLY_ASSERT(text != NULL);
    memcpy(text, data + 1, size - 1);
    fly_arena arena;
    fly_err err = {0};
    fly_sql_statements statements;
    fly_arena_init(&arena, fly_mem_system(), 0);
    if (fly__sql_parse(&arena, fly_bytes_of(text, size - 1), &options, &statements, &err) ==
        FLY_OK) {
        /* A question mark prints as its number, which means the same only without the switch. */
        const fly_sql_parse_options numbered = {.lax_syntax = options.lax_syntax};
        for (uint32_t i = 0; i < statements.count && !options.question_params; i++) {
            again(&arena, statements.items[i].node, &numbered);
        }
    } else {
        FLY_ASSERT(err.position <= size);
        FLY_ASSERT(err.message[0] != '\0');
    }
    fly_arena_deinit(&arena);
    fly_mem_free(fly_mem_system(), text, size - 1);
    return 0;
}
