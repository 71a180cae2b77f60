/*
 * Numerics unpacked, between the files numeric*.c.
 *
 * A fly__vec_num has its digit groups in memory of a fly__vec_work: a small arena that begins on the stack and
 * lasts for one call. Operations write new digits and never change the operands'.
 */
#ifndef FLY_NUMERIC_INT_H
#define FLY_NUMERIC_INT_H

#include <fly/vec_numeric.h>

enum {
    BASE = 10000,
    GROUP = 4, /* decimal digits of a group */
    WEIGHT_MAX = 32767,
    DISPLAY_MAX = 1000,  /* scale of a quotient or a root, at most */
    RESULT_SCALE = 2000, /* exp() of three times as much is not tried */
    MIN_DIGITS = 16      /* that a quotient or a root shows, at least */
};

typedef enum fly__vec_num_kind { FINITE, NINF, PINF, NOT_A_NUMBER } fly__vec_num_kind;

typedef struct fly__vec_num {
    fly__vec_num_kind kind;
    bool neg;
    int n;      /* groups; 0: the number is zero */
    int weight; /* of d[0] */
    int dscale;
    const uint16_t *d;
} fly__vec_num;

typedef struct fly__vec_work {
    fly_arena arena;
    fly_err *err;
    uint64_t stack[96];
} fly__vec_work;

/* The scratch memory comes from where the result's does. */
static inline void fly__vec_work_init(fly__vec_work *w, fly_mem *mem, fly_err *err)
{
    fly_arena_init(&w->arena, mem, 0);
    w->arena.at = (uint8_t *)w->stack;
    w->arena.end = (uint8_t *)w->stack + sizeof w->stack;
    w->err = err;
}

static inline void fly__vec_work_deinit(fly__vec_work *w)
{
    fly_arena_deinit(&w->arena);
}

fly_status fly__vec_num_error(fly_err *err, const char *sqlstate, const char *message);
fly_status fly__vec_num_no_memory(fly_err *err);
uint16_t *fly__vec_num_digits(fly__vec_work *w, int n);

fly_status fly__vec_num_unpack(fly__vec_work *w, fly_vec_str s, fly__vec_num *out);
fly_status fly__vec_num_pack(const fly__vec_num *in, fly_arena *arena, fly_vec_str *out,
                             fly_err *err);
void fly__vec_num_strip(fly__vec_num *x);
fly_status fly__vec_num_from_i128(fly__vec_work *w, fly_vec_i128 value, int scale,
                                  fly__vec_num *out);
bool fly__vec_num_to_i128(const fly__vec_num *x, fly_vec_i128 *out);

int fly__vec_num_cmp_abs(const fly__vec_num *a, const fly__vec_num *b);
int fly__vec_num_cmp(const fly__vec_num *a, const fly__vec_num *b);
fly_status fly__vec_num_round(fly__vec_work *w, const fly__vec_num *x, int scale,
                              fly__vec_num *out);
fly_status fly__vec_num_trunc(fly__vec_work *w, const fly__vec_num *x, int scale,
                              fly__vec_num *out);
fly_status fly__vec_num_add(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                            bool subtract, fly__vec_num *out);
fly_status fly__vec_num_mul(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                            int rscale, fly__vec_num *out);
fly_status fly__vec_num_div(fly__vec_work *w, const fly__vec_num *a, const fly__vec_num *b,
                            int rscale, bool round, fly__vec_num *out);
int fly__vec_num_div_scale(const fly__vec_num *a, const fly__vec_num *b);
fly_status fly__vec_num_sqrt(fly__vec_work *w, const fly__vec_num *x, int rscale,
                             fly__vec_num *out);
double fly__vec_num_double(const fly__vec_num *x);

static inline fly__vec_num fly__vec_num_special(fly__vec_num_kind kind)
{
    fly__vec_num x = {kind, false, 0, 0, 0, NULL};
    return x;
}

#endif
