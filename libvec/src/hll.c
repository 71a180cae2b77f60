/*
 * HyperLogLog.
 *
 * The lowest ten bits of a hash choose a register, the others are looked at for how many zeros they
 * begin with: a register remembers the most. Few values are counted by the registers that are still
 * zero, which is nearly exact; many by the harmonic mean. Ertl's estimator does both in one
 * formula, without tables and without a seam between the two.
 *
 * Source: Flajolet and others, "HyperLogLog", 2007; Ertl, "New cardinality estimation algorithms
 * for HyperLogLog sketches", 2017, algorithm 6.
 */
#include <fly/vec_hll.h>

#include <math.h>

enum { INDEX_BITS = 10, VALUE_BITS = 64 - INDEX_BITS };

void fly_vec_hll_add(fly_vec_hll *sketch, const uint64_t *hash, int n)
{
    for (int k = 0; k < n; k++) {
        /* A bit behind the last ends the run of zeros. */
        uint64_t rest = hash[k] >> INDEX_BITS << INDEX_BITS | (uint64_t)1 << (INDEX_BITS - 1);
        uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
        uint8_t *reg = &sketch->reg[hash[k] & (FLY_VEC_HLL_REGISTERS - 1)];
        *reg = *reg < rank ? rank : *reg;
    }
}

void fly_vec_hll_merge(fly_vec_hll *sketch, const fly_vec_hll *other)
{
    for (int k = 0; k < FLY_VEC_HLL_REGISTERS; k++) {
        sketch->reg[k] = sketch->reg[k] < other->reg[k] ? other->reg[k] : sketch->reg[k];
    }
}

/* x + x^2 + 2 x^4 + 4 x^8 + ...: what registers that are zero stand for. */
static double sigma(double x)
{
    double y = 1;
    double z = x;
    if (x == 1) {
        return INFINITY;
    }
    for (double before = -1; z != before;) {
        before = z;
        x *= x;
        z += x * y;
        y += y;
    }
    return z;
}

/* What registers that are full stand for. */
static double tau(double x)
{
    double y = 1;
    double z = 1 - x;
    if (x == 0 || x == 1) {
        return 0;
    }
    for (double before = -1; z != before;) {
        before = z;
        x = sqrt(x);
        y /= 2;
        z -= (1 - x) * (1 - x) * y;
    }
    return z / 3;
}

double fly_vec_hll_count(const fly_vec_hll *sketch)
{
    double m = FLY_VEC_HLL_REGISTERS;
    double counts[VALUE_BITS + 2] = {0};
    for (int k = 0; k < FLY_VEC_HLL_REGISTERS; k++) {
        uint8_t rank = sketch->reg[k];
        counts[rank <= VALUE_BITS + 1 ? rank : VALUE_BITS + 1]++; /* stored bytes may be anything */
    }
    double z = m * tau(1 - counts[VALUE_BITS + 1] / m);
    for (int k = VALUE_BITS; k >= 1; k--) {
        z = (z + counts[k]) / 2;
    }
    z += m * sigma(counts[0] / m);
    return m * m / (2 * log(2.0) * z);
}
