/**
 * @file base_atomic.h
 * @brief Atomic words that C17 and C++ both understand and that nobody reads by accident.
 *
 * A field is atomic by its type, so a plain access does not compile. Loads acquire and stores
 * release unless the name says `relaxed`; read-modify-write operations are sequentially
 * consistent, which costs nothing extra on x86-64.
 *
 * Threads: thread-safe, that being the point.
 */
#ifndef FLY_BASE_ATOMIC_H
#define FLY_BASE_ATOMIC_H

#include <fly/base.h>

/** @addtogroup base
 *  @{ */
FLY_EXTERN_C_BEGIN

/** A 64-bit word shared between threads. */
typedef struct fly_atomic_u64 {
    uint64_t word; /**< not for direct use */
} fly_atomic_u64;

/** A 32-bit word shared between threads. */
typedef struct fly_atomic_u32 {
    uint32_t word; /**< not for direct use */
} fly_atomic_u32;

/** A pointer shared between threads. */
typedef struct fly_atomic_ptr {
    void *word; /**< not for direct use */
} fly_atomic_ptr;

/** @cond */
#define FLY__ATOMIC_FUNCTIONS(suffix, holder, type)                                                \
    static inline type fly_load_##suffix(const holder *a)                                          \
    {                                                                                              \
        return __atomic_load_n(&a->word, __ATOMIC_ACQUIRE);                                        \
    }                                                                                              \
    static inline type fly_load_relaxed_##suffix(const holder *a)                                  \
    {                                                                                              \
        return __atomic_load_n(&a->word, __ATOMIC_RELAXED);                                        \
    }                                                                                              \
    static inline void fly_store_##suffix(holder *a, type x)                                       \
    {                                                                                              \
        __atomic_store_n(&a->word, x, __ATOMIC_RELEASE);                                           \
    }                                                                                              \
    static inline void fly_store_relaxed_##suffix(holder *a, type x)                               \
    {                                                                                              \
        __atomic_store_n(&a->word, x, __ATOMIC_RELAXED);                                           \
    }                                                                                              \
    static inline void fly_store_seq_##suffix(holder *a, type x)                                   \
    {                                                                                              \
        __atomic_store_n(&a->word, x, __ATOMIC_SEQ_CST);                                           \
    }                                                                                              \
    static inline type fly_load_seq_##suffix(const holder *a)                                      \
    {                                                                                              \
        return __atomic_load_n(&a->word, __ATOMIC_SEQ_CST);                                        \
    }                                                                                              \
    static inline type fly_swap_##suffix(holder *a, type x)                                        \
    {                                                                                              \
        return __atomic_exchange_n(&a->word, x, __ATOMIC_SEQ_CST);                                 \
    }                                                                                              \
    /* On failure *expected becomes what was there. */                                             \
    static inline bool fly_cas_##suffix(holder *a, type *expected, type x)                         \
    {                                                                                              \
        return __atomic_compare_exchange_n(&a->word, expected, x, false, __ATOMIC_SEQ_CST,         \
                                           __ATOMIC_ACQUIRE);                                      \
    }

#define FLY__ATOMIC_ARITHMETIC(suffix, holder, type)                                               \
    /* These return what was there before. */                                                      \
    static inline type fly_add_##suffix(holder *a, type x)                                         \
    {                                                                                              \
        return __atomic_fetch_add(&a->word, x, __ATOMIC_SEQ_CST);                                  \
    }                                                                                              \
    static inline type fly_sub_##suffix(holder *a, type x)                                         \
    {                                                                                              \
        return __atomic_fetch_sub(&a->word, x, __ATOMIC_SEQ_CST);                                  \
    }                                                                                              \
    static inline type fly_or_##suffix(holder *a, type x)                                          \
    {                                                                                              \
        return __atomic_fetch_or(&a->word, x, __ATOMIC_SEQ_CST);                                   \
    }                                                                                              \
    static inline type fly_and_##suffix(holder *a, type x)                                         \
    {                                                                                              \
        return __atomic_fetch_and(&a->word, x, __ATOMIC_SEQ_CST);                                  \
    }                                                                                              \
    /* For counters that only statistics read: may lose no count, orders nothing. */               \
    static inline void fly_count_##suffix(holder *a, type x)                                       \
    {                                                                                              \
        (void)__atomic_fetch_add(&a->word, x, __ATOMIC_RELAXED);                                   \
    }                                                                                              \
    /* Raise to at least x; returns whether it was lower. */                                       \
    static inline bool fly_raise_##suffix(holder *a, type x)                                       \
    {                                                                                              \
        type seen = fly_load_##suffix(a);                                                          \
        while (seen < x) {                                                                         \
            if (fly_cas_##suffix(a, &seen, x)) {                                                   \
                return true;                                                                       \
            }                                                                                      \
        }                                                                                          \
        return false;                                                                              \
    }

FLY__ATOMIC_FUNCTIONS(u64, fly_atomic_u64, uint64_t)
FLY__ATOMIC_FUNCTIONS(u32, fly_atomic_u32, uint32_t)
FLY__ATOMIC_FUNCTIONS(ptr, fly_atomic_ptr, void *)
FLY__ATOMIC_ARITHMETIC(u64, fly_atomic_u64, uint64_t)
FLY__ATOMIC_ARITHMETIC(u32, fly_atomic_u32, uint32_t)
/** @endcond */

/** Order every load before this point before every load and store after it. */
static inline void fly_fence_acquire(void)
{
#ifdef __SANITIZE_THREAD__
    /* ThreadSanitizer does not model fences; builds with it take shared latches instead of
     * reading optimistically, so nothing there relies on this one. */
#else
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
#endif
}

/** Order every load and store before this point before every store after it. */
static inline void fly_fence_release(void)
{
#ifdef __SANITIZE_THREAD__
    /* As above. */
#else
    __atomic_thread_fence(__ATOMIC_RELEASE);
#endif
}

/** Order everything before this point before everything after it, stores before loads included. */
static inline void fly_fence_full(void)
{
#ifdef __SANITIZE_THREAD__
    fly_atomic_u32 word = {0};
    (void)fly_swap_u32(&word, 1);
#else
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/** Tell the processor that this is a spin loop. */
static inline void fly_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/** Ask for the cache line at `at`; never faults, so `at` may be a guess. */
static inline void fly_prefetch(const void *at)
{
    __builtin_prefetch(at, 0, 3);
}

FLY_EXTERN_C_END
/** @} */
#endif
