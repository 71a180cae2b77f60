/*
 * The words that TPC-H's data is made of, and how often each is drawn.
 */
#ifndef FLYBENCH_TPCH_WORDS_H
#define FLYBENCH_TPCH_WORDS_H

#include <stddef.h>

/** A word and its weight among those of its list. */
typedef struct tpch_word {
    const char *text;
    int weight;
} tpch_word;

typedef struct tpch_words {
    const tpch_word *words;
    size_t count;
} tpch_words;

/** The lists. The last three are the grammar of comments: N is a noun or a noun phrase, V a verb or
 *  a verb phrase, P a preposition and a noun phrase, J an adjective, D an adverb, X an auxiliary
 *  verb, T what ends a sentence. */
typedef enum tpch_list {
    TPCH_CONTAINERS,
    TPCH_INSTRUCTIONS,
    TPCH_SEGMENTS,
    TPCH_PRIORITIES,
    TPCH_FLAGS,
    TPCH_MODES,
    TPCH_TYPES,
    TPCH_COLORS,
    TPCH_NOUNS,
    TPCH_VERBS,
    TPCH_ADVERBS,
    TPCH_ADJECTIVES,
    TPCH_ARTICLES,
    TPCH_PREPOSITIONS,
    TPCH_AUXILIARIES,
    TPCH_TERMINATORS,
    TPCH_SENTENCES,
    TPCH_NOUN_PHRASES,
    TPCH_VERB_PHRASES,
    TPCH_LIST_COUNT
} tpch_list;

/** The words of a list. */
tpch_words tpch_list_words(tpch_list list);

typedef struct tpch_nation {
    const char *name;
    int region;
} tpch_nation;

enum { TPCH_NATION_COUNT = 25, TPCH_REGION_COUNT = 5 };

extern const tpch_nation tpch_nations[TPCH_NATION_COUNT];
extern const char *const tpch_regions[TPCH_REGION_COUNT];

#endif
