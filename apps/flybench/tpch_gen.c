/*
 * TPC-H's tables.
 *
 * Every column that is random has a stream of random numbers of its own: Park and Miller's minimal
 * standard generator, begun at a number that TPC chose. At the end of a row the stream is moved on
 * to where it would be had it been asked as often as a row can ask at most, so that row n begins at
 * the same place however long the rows before it were.
 *
 * Comments are pieces of one long text, which is made by a small grammar.
 *
 * Source: TPC Benchmark H, revision 3, clause 4.2; Park and Miller, "Random number generators: good
 * ones are hard to find", CACM 31 (1988). The streams' numbers are those of TPC's generator.
 */
#include "tpch_gen.h"

#include "tpch_words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    POOL_MIB = 300,
    SENTENCE_MAX = 256,
    ROW_MAX = 1024,
    DICE_MAX = 1024, /* no list weighs more */
    SUPPLIERS_PER_PART = 4,
    LINES_MAX = 7,
    FIRST_ORDER_DAYS = 2406, /* 1992-01-01 to 1998-08-02 */
    TODAY = 1263,            /* 1995-06-17, in days since 1992-01-01 */
    DATES = 2600
};

/* ------------------------------------------------------------------------- streams */

typedef struct stream {
    int64_t seed;
    unsigned per_row; /* the most numbers that a row takes */
    unsigned taken;
} stream;

static int64_t next_seed(int64_t seed)
{
    return seed * 16807 % 2147483647;
}

/* From low to high, both included. The double is part of the definition. */
static int64_t roll(stream *s, int64_t low, int64_t high)
{
    s->seed = next_seed(s->seed);
    s->taken++;
    return low + (int64_t)((double)s->seed / 2147483647.0 * (double)(high - low + 1));
}

static void end_row(stream *streams, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (; streams[i].taken < streams[i].per_row; streams[i].taken++) {
            streams[i].seed = next_seed(streams[i].seed);
        }
        streams[i].taken = 0;
    }
}

/* --------------------------------------------------------------------------- words */

/* A list as a die with one face for each unit of weight. */
typedef struct die {
    int faces;
    uint8_t word[DICE_MAX];
    const tpch_word *words;
    uint8_t len[256];
} die;

static void make_die(die *d, tpch_list list)
{
    tpch_words all = tpch_list_words(list);
    d->words = all.words;
    d->faces = 0;
    FLY_ASSERT(all.count <= 256);
    for (size_t i = 0; i < all.count; i++) {
        d->len[i] = (uint8_t)strlen(all.words[i].text);
        for (int n = 0; n < all.words[i].weight; n++) {
            FLY_ASSERT(d->faces < DICE_MAX);
            d->word[d->faces++] = (uint8_t)i;
        }
    }
}

static const char *pick(const die *d, stream *s)
{
    return d->words[d->word[roll(s, 1, d->faces) - 1]].text;
}

/* ---------------------------------------------------------------------------- text */

typedef struct tpch_gen {
    int64_t parts, suppliers, customers, orders, clerks;
    unsigned tables;
    tpch_sink sink;
    void *ctx;
    fly_err *err;
    die dice[TPCH_LIST_COUNT];
    char *pool;
    int64_t pool_bytes;
    char dates[DATES][11];
    char row[ROW_MAX];
} tpch_gen;

static char *put_word(const tpch_gen *g, char *at, tpch_list list, stream *s)
{
    const die *d = &g->dice[list];
    uint8_t word = d->word[roll(s, 1, d->faces) - 1];
    memcpy(at, d->words[word].text, d->len[word]);
    return at + d->len[word];
}

static tpch_list word_class(char letter)
{
    switch (letter) {
    case 'N':
        return TPCH_NOUNS;
    case 'V':
        return TPCH_VERBS;
    case 'J':
        return TPCH_ADJECTIVES;
    case 'D':
        return TPCH_ADVERBS;
    default:
        return TPCH_AUXILIARIES;
    }
}

/* A noun or verb phrase; each word is followed by a blank. */
static char *put_phrase(const tpch_gen *g, char *at, tpch_list phrases, stream *s)
{
    for (const char *form = pick(&g->dice[phrases], s); *form != '\0'; form++) {
        if (*form == ',') {
            at[-1] = ','; /* it stands right behind the word before it */
            *at++ = ' ';
        } else if (*form != ' ') {
            at = put_word(g, at, word_class(*form), s);
            *at++ = ' ';
        }
    }
    return at;
}

static size_t make_sentence(const tpch_gen *g, char *sentence, stream *s)
{
    char *at = sentence;
    for (const char *form = pick(&g->dice[TPCH_SENTENCES], s); *form != '\0'; form++) {
        switch (*form) {
        case 'N':
            at = put_phrase(g, at, TPCH_NOUN_PHRASES, s);
            break;
        case 'V':
            at = put_phrase(g, at, TPCH_VERB_PHRASES, s);
            break;
        case 'P':
            at = put_word(g, at, TPCH_PREPOSITIONS, s);
            memcpy(at, " the ", 5);
            at = put_phrase(g, at + 5, TPCH_NOUN_PHRASES, s);
            break;
        case 'T':
            at = put_word(g, at - 1, TPCH_TERMINATORS, s);
            break;
        default:
            break;
        }
    }
    *at++ = ' ';
    FLY_ASSERT(at - sentence <= SENTENCE_MAX);
    return (size_t)(at - sentence);
}

static fly_status make_pool(tpch_gen *g)
{
    size_t bytes = (size_t)g->pool_bytes;
    g->pool = malloc(bytes + SENTENCE_MAX);
    if (g->pool == NULL) {
        return fly_err_set(g->err, FLY_E_NO_MEMORY, "out of memory for %zu bytes of text", bytes);
    }
    stream s = {.seed = 933588178};
    for (size_t len = 0; len < bytes;) {
        len += make_sentence(g, g->pool + len, &s);
    }
    return FLY_OK;
}

/* ---------------------------------------------------------------------------- rows */

/* A row that is being written. */
typedef struct writer {
    char *row;
    size_t len;
} writer;

static void put(writer *w, const char *format, ...) FLY_PRINTF(2, 3);
static void put(writer *w, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(w->row + w->len, ROW_MAX - w->len, format, arguments);
    va_end(arguments);
    FLY_ASSERT(len >= 0 && (size_t)len < ROW_MAX - w->len);
    w->len += (size_t)len;
}

static void put_money(writer *w, int64_t cents)
{
    put(w, "%s%" PRId64 ".%02" PRId64 "|", cents < 0 ? "-" : "", (cents < 0 ? -cents : cents) / 100,
        (cents < 0 ? -cents : cents) % 100);
}

/* The average length is given; 0.4 to 1.6 times that are written. */
static int64_t text_len(stream *s, int average)
{
    return roll(s, (int)(average * 0.4), (int)(average * 1.6));
}

static size_t put_text(const tpch_gen *g, writer *w, int average, stream *s)
{
    int64_t from = roll(s, 0, g->pool_bytes - (int)(average * 1.6));
    size_t len = (size_t)text_len(s, average);
    memcpy(w->row + w->len, g->pool + from, len);
    w->len += len;
    return len;
}

static void put_address(writer *w, stream *s)
{
    static const char letters[] =
        "0123456789abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ,";
    int64_t len = text_len(s, 25);
    int64_t bits = 0;
    for (int64_t i = 0; i < len; i++) {
        if (i % 5 == 0) {
            bits = roll(s, 0, INT32_MAX);
        }
        w->row[w->len++] = letters[bits & 63];
        bits >>= 6;
    }
    w->row[w->len++] = '|';
}

static void put_phone(writer *w, int64_t nation, stream *s)
{
    int64_t area = roll(s, 100, 999);
    int64_t exchange = roll(s, 100, 999);
    int64_t number = roll(s, 1000, 9999);
    put(w, "%02d-%03d-%03d-%04d|", (int)nation + 10, (int)area, (int)exchange, (int)number);
}

static fly_status send(tpch_gen *g, tpch_table table, writer *w)
{
    w->row[w->len++] = '\n';
    if ((g->tables & 1u << table) == 0) {
        return FLY_OK;
    }
    return g->sink(g->ctx, table, fly_bytes_of(w->row, w->len), g->err);
}

/* ------------------------------------------------------------------ regions, nations */

static fly_status make_regions(tpch_gen *g)
{
    stream comment = {1500869201, 2, 0};
    fly_status status = FLY_OK;
    for (int i = 0; i < TPCH_REGION_COUNT && status == FLY_OK; i++) {
        writer w = {g->row, 0};
        put(&w, "%d|%s|", i, tpch_regions[i]);
        (void)put_text(g, &w, 72, &comment);
        end_row(&comment, 1);
        status = send(g, TPCH_REGION, &w);
    }
    return status;
}

static fly_status make_nations(tpch_gen *g)
{
    stream comment = {606179079, 2, 0};
    fly_status status = FLY_OK;
    for (int i = 0; i < TPCH_NATION_COUNT && status == FLY_OK; i++) {
        writer w = {g->row, 0};
        put(&w, "%d|%s|%d|", i, tpch_nations[i].name, tpch_nations[i].region);
        (void)put_text(g, &w, 72, &comment);
        end_row(&comment, 1);
        status = send(g, TPCH_NATION, &w);
    }
    return status;
}

/* ------------------------------------------------------------------------- suppliers */

enum { S_ADDRESS, S_NATION, S_PHONE, S_BALANCE, S_COMMENT, S_JUNK, S_KIND, S_ODD, S_AT, S_COUNT };

/* Ten in ten thousand comments tell of complaints or recommendations, which query 16 looks for. */
static void mark_comment(char *comment, size_t len, stream *s)
{
    int64_t odd = roll(&s[S_ODD], 1, 10000);
    int64_t kind = roll(&s[S_KIND], 0, 100);
    int64_t junk = roll(&s[S_JUNK], 0, (int64_t)len - 19);
    int64_t at = roll(&s[S_AT], 0, (int64_t)len - (19 + junk));
    if (odd <= 10) {
        memcpy(comment + at, "Customer ", 9);
        memcpy(comment + at + 9 + junk, kind < 50 ? "Complaints" : "Recommends", 10);
    }
}

static fly_status make_suppliers(tpch_gen *g)
{
    stream s[S_COUNT] = {
        [S_ADDRESS] = {706178559, 9, 0},  [S_NATION] = {110356601, 1, 0},
        [S_PHONE] = {884434366, 3, 0},    [S_BALANCE] = {962338209, 1, 0},
        [S_COMMENT] = {1341315363, 2, 0}, [S_JUNK] = {263032577, 1, 0},
        [S_KIND] = {753643799, 1, 0},     [S_ODD] = {202794285, 1, 0},
        [S_AT] = {715851524, 1, 0},
    };
    fly_status status = FLY_OK;
    for (int64_t key = 1; key <= g->suppliers && status == FLY_OK; key++) {
        writer w = {g->row, 0};
        put(&w, "%" PRId64 "|Supplier#%09" PRId64 "|", key, key);
        put_address(&w, &s[S_ADDRESS]);
        int64_t nation = roll(&s[S_NATION], 0, TPCH_NATION_COUNT - 1);
        put(&w, "%" PRId64 "|", nation);
        put_phone(&w, nation, &s[S_PHONE]);
        put_money(&w, roll(&s[S_BALANCE], -99999, 999999));
        size_t len = put_text(g, &w, 63, &s[S_COMMENT]);
        mark_comment(w.row + w.len - len, len, s);
        end_row(s, S_COUNT);
        status = send(g, TPCH_SUPPLIER, &w);
    }
    return status;
}

/* ------------------------------------------------------------------------- customers */

enum { C_ADDRESS, C_NATION, C_PHONE, C_BALANCE, C_SEGMENT, C_COMMENT, C_COUNT };

static fly_status make_customers(tpch_gen *g)
{
    stream s[C_COUNT] = {
        [C_ADDRESS] = {881155353, 9, 0},  [C_NATION] = {1489529863, 1, 0},
        [C_PHONE] = {1521138112, 3, 0},   [C_BALANCE] = {298370230, 1, 0},
        [C_SEGMENT] = {1140279430, 1, 0}, [C_COMMENT] = {1335826707, 2, 0},
    };
    fly_status status = FLY_OK;
    for (int64_t key = 1; key <= g->customers && status == FLY_OK; key++) {
        writer w = {g->row, 0};
        put(&w, "%" PRId64 "|Customer#%09" PRId64 "|", key, key);
        put_address(&w, &s[C_ADDRESS]);
        int64_t nation = roll(&s[C_NATION], 0, TPCH_NATION_COUNT - 1);
        put(&w, "%" PRId64 "|", nation);
        put_phone(&w, nation, &s[C_PHONE]);
        put_money(&w, roll(&s[C_BALANCE], -99999, 999999));
        put(&w, "%s|", pick(&g->dice[TPCH_SEGMENTS], &s[C_SEGMENT]));
        (void)put_text(g, &w, 73, &s[C_COMMENT]);
        end_row(s, C_COUNT);
        status = send(g, TPCH_CUSTOMER, &w);
    }
    return status;
}

/* ----------------------------------------------------------------------------- parts */

enum {
    P_NAME,
    P_MAKER,
    P_BRAND,
    P_TYPE,
    P_SIZE,
    P_CONTAINER,
    P_COMMENT,
    PS_QUANTITY,
    PS_COST,
    PS_COMMENT,
    P_COUNT
};

static int64_t part_price(int64_t part)
{
    return 90000 + part / 10 % 20001 + part % 1000 * 100;
}

/* Each part has four suppliers, far apart. */
static int64_t part_supplier(const tpch_gen *g, int64_t part, int64_t nth)
{
    int64_t count = g->suppliers;
    return (part + nth * (count / SUPPLIERS_PER_PART + (part - 1) / count)) % count + 1;
}

/* Five colours of a shuffled list. */
static void put_colors(writer *w, stream *s)
{
    tpch_words colors = tpch_list_words(TPCH_COLORS);
    uint8_t order[256];
    for (size_t i = 0; i < colors.count; i++) {
        order[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < colors.count; i++) {
        size_t other = (size_t)roll(s, (int64_t)i, (int64_t)colors.count - 1);
        uint8_t here = order[other];
        order[other] = order[i];
        order[i] = here;
    }
    for (size_t i = 0; i < 5; i++) {
        put(w, "%s%s", colors.words[order[i]].text, i < 4 ? " " : "|");
    }
}

static fly_status make_part_suppliers(tpch_gen *g, int64_t part, stream *s)
{
    fly_status status = FLY_OK;
    for (int64_t i = 0; i < SUPPLIERS_PER_PART && status == FLY_OK; i++) {
        writer w = {g->row, 0};
        put(&w, "%" PRId64 "|%" PRId64 "|%" PRId64 "|", part, part_supplier(g, part, i),
            roll(&s[PS_QUANTITY], 1, 9999));
        put_money(&w, roll(&s[PS_COST], 100, 100000));
        (void)put_text(g, &w, 124, &s[PS_COMMENT]);
        status = send(g, TPCH_PARTSUPP, &w);
    }
    return status;
}

static fly_status make_parts(tpch_gen *g)
{
    stream s[P_COUNT] = {
        [P_NAME] = {709314158, 92, 0},
        [P_MAKER] = {1, 1, 0},
        [P_BRAND] = {46831694, 1, 0},
        [P_TYPE] = {1841581359, 1, 0},
        [P_SIZE] = {1193163244, 1, 0},
        [P_CONTAINER] = {727633698, 1, 0},
        [P_COMMENT] = {804159733, 2, 0},
        [PS_QUANTITY] = {1671059989, SUPPLIERS_PER_PART, 0},
        [PS_COST] = {1051288424, SUPPLIERS_PER_PART, 0},
        [PS_COMMENT] = {1961692154, SUPPLIERS_PER_PART * 2, 0},
    };
    fly_status status = FLY_OK;
    for (int64_t key = 1; key <= g->parts && status == FLY_OK; key++) {
        writer w = {g->row, 0};
        put(&w, "%" PRId64 "|", key);
        put_colors(&w, &s[P_NAME]);
        int64_t maker = roll(&s[P_MAKER], 1, 5);
        int64_t brand = roll(&s[P_BRAND], 1, 5);
        put(&w, "Manufacturer#%" PRId64 "|Brand#%" PRId64 "|", maker, maker * 10 + brand);
        put(&w, "%s|", pick(&g->dice[TPCH_TYPES], &s[P_TYPE]));
        put(&w, "%" PRId64 "|", roll(&s[P_SIZE], 1, 50));
        put(&w, "%s|", pick(&g->dice[TPCH_CONTAINERS], &s[P_CONTAINER]));
        put_money(&w, part_price(key));
        (void)put_text(g, &w, 14, &s[P_COMMENT]);
        status = send(g, TPCH_PART, &w);
        if (status == FLY_OK) {
            status = make_part_suppliers(g, key, s);
        }
        end_row(s, P_COUNT);
    }
    return status;
}

/* ---------------------------------------------------------------------------- orders */

enum {
    O_CUSTOMER,
    O_DATE,
    O_PRIORITY,
    O_CLERK,
    O_COMMENT,
    O_LINES,
    L_QUANTITY,
    L_DISCOUNT,
    L_TAX,
    L_INSTRUCTION,
    L_MODE,
    L_COMMENT,
    L_PART,
    L_SUPPLIER,
    L_SHIPPED,
    L_COMMITTED,
    L_RECEIVED,
    L_FLAG,
    O_COUNT
};

/* Of every 32 numbers the first eight are used. */
static int64_t order_key(int64_t n)
{
    return (n >> 3 << 5) + (n & 7);
}

/* Every third customer never orders. */
static int64_t order_customer(const tpch_gen *g, stream *s)
{
    int64_t customer = roll(s, 1, g->customers);
    for (int64_t step = 1; customer % 3 == 0; step = -step) {
        customer += step;
        customer = customer < g->customers ? customer : g->customers;
    }
    return customer;
}

/* What an order learns from its lines. */
typedef struct order_sum {
    int64_t price; /* cents */
    int shipped;
} order_sum;

static fly_status make_line(tpch_gen *g, int64_t order, int number, int64_t ordered, stream *s,
                            order_sum *sum)
{
    int64_t quantity = roll(&s[L_QUANTITY], 1, 50);
    int64_t discount = roll(&s[L_DISCOUNT], 0, 10);
    int64_t tax = roll(&s[L_TAX], 0, 8);
    int64_t part = roll(&s[L_PART], 1, g->parts);
    int64_t supplier = part_supplier(g, part, roll(&s[L_SUPPLIER], 0, SUPPLIERS_PER_PART - 1));
    int64_t price = part_price(part) * quantity;
    int64_t shipped = ordered + roll(&s[L_SHIPPED], 1, 121);
    int64_t committed = ordered + roll(&s[L_COMMITTED], 30, 90);
    int64_t received = shipped + roll(&s[L_RECEIVED], 1, 30);
    /* Both divisions cut, one after the other: that is how the total is defined. */
    sum->price += price * (100 - discount) / 100 * (100 + tax) / 100;
    sum->shipped += shipped <= TODAY ? 1 : 0;

    writer w = {g->row, 0};
    put(&w, "%" PRId64 "|%" PRId64 "|%" PRId64 "|%d|%" PRId64 ".00|", order, part, supplier, number,
        quantity);
    put_money(&w, price);
    put_money(&w, discount);
    put_money(&w, tax);
    put(&w, "%s|%s|", received <= TODAY ? pick(&g->dice[TPCH_FLAGS], &s[L_FLAG]) : "N",
        shipped <= TODAY ? "F" : "O");
    put(&w, "%s|%s|%s|", g->dates[shipped], g->dates[committed], g->dates[received]);
    put(&w, "%s|", pick(&g->dice[TPCH_INSTRUCTIONS], &s[L_INSTRUCTION]));
    put(&w, "%s|", pick(&g->dice[TPCH_MODES], &s[L_MODE]));
    (void)put_text(g, &w, 27, &s[L_COMMENT]);
    return send(g, TPCH_LINEITEM, &w);
}

static fly_status make_order(tpch_gen *g, int64_t n, stream *s)
{
    int64_t key = order_key(n);
    int64_t customer = order_customer(g, &s[O_CUSTOMER]);
    int64_t date = roll(&s[O_DATE], 0, FIRST_ORDER_DAYS - 1);
    int lines = (int)roll(&s[O_LINES], 1, LINES_MAX);
    order_sum sum = {0};
    for (int i = 0; i < lines; i++) {
        fly_status status = make_line(g, key, i + 1, date, s, &sum);
        if (status != FLY_OK) {
            return status;
        }
    }
    writer w = {g->row, 0};
    put(&w, "%" PRId64 "|%" PRId64 "|%s|", key, customer,
        sum.shipped == lines ? "F" : (sum.shipped > 0 ? "P" : "O"));
    put_money(&w, sum.price);
    put(&w, "%s|%s|", g->dates[date], pick(&g->dice[TPCH_PRIORITIES], &s[O_PRIORITY]));
    put(&w, "Clerk#%09" PRId64 "|0|", roll(&s[O_CLERK], 1, g->clerks));
    (void)put_text(g, &w, 49, &s[O_COMMENT]);
    return send(g, TPCH_ORDERS, &w);
}

static fly_status make_orders(tpch_gen *g)
{
    stream s[O_COUNT] = {
        [O_CUSTOMER] = {851767375, 1, 0},         [O_DATE] = {1066728069, 1, 0},
        [O_PRIORITY] = {591449447, 1, 0},         [O_CLERK] = {1171034773, 1, 0},
        [O_COMMENT] = {276090261, 2, 0},          [O_LINES] = {1434868289, 1, 0},
        [L_QUANTITY] = {209208115, LINES_MAX, 0}, [L_DISCOUNT] = {554590007, LINES_MAX, 0},
        [L_TAX] = {721958466, LINES_MAX, 0},      [L_INSTRUCTION] = {1371272478, LINES_MAX, 0},
        [L_MODE] = {675466456, LINES_MAX, 0},     [L_COMMENT] = {1095462486, LINES_MAX * 2, 0},
        [L_PART] = {1808217256, LINES_MAX, 0},    [L_SUPPLIER] = {2095021727, LINES_MAX, 0},
        [L_SHIPPED] = {1769349045, LINES_MAX, 0}, [L_COMMITTED] = {904914315, LINES_MAX, 0},
        [L_RECEIVED] = {373135028, LINES_MAX, 0}, [L_FLAG] = {717419739, LINES_MAX, 0},
    };
    fly_status status = FLY_OK;
    for (int64_t n = 1; n <= g->orders && status == FLY_OK; n++) {
        status = make_order(g, n, s);
        end_row(s, O_COUNT);
    }
    return status;
}

/* ------------------------------------------------------------------------------- all */

static void make_dates(tpch_gen *g)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = 1992;
    int month = 1;
    int day = 1;
    for (size_t i = 0; i < DATES; i++) {
        (void)snprintf(g->dates[i], sizeof g->dates[i], "%04d-%02d-%02d", year, month, day);
        int last = days[month - 1] + (month == 2 && year % 4 == 0 ? 1 : 0);
        if (++day > last) {
            day = 1;
            month++;
        }
        if (month > 12) {
            month = 1;
            year++;
        }
    }
}

static int64_t at_scale(double scale, int64_t rows)
{
    int64_t scaled = (int64_t)((double)rows * scale);
    return scaled > 0 ? scaled : 1;
}

static fly_status make_tables(tpch_gen *g)
{
    static const struct {
        unsigned tables;
        fly_status (*make)(tpch_gen *g);
    } makers[] = {
        {1u << TPCH_REGION, make_regions},
        {1u << TPCH_NATION, make_nations},
        {1u << TPCH_SUPPLIER, make_suppliers},
        {1u << TPCH_CUSTOMER, make_customers},
        {1u << TPCH_PART | 1u << TPCH_PARTSUPP, make_parts},
        {1u << TPCH_ORDERS | 1u << TPCH_LINEITEM, make_orders},
    };
    fly_status status = FLY_OK;
    for (size_t i = 0; i < sizeof makers / sizeof makers[0] && status == FLY_OK; i++) {
        if ((g->tables & makers[i].tables) != 0) {
            status = makers[i].make(g);
        }
    }
    return status;
}

fly_status tpch_generate(const tpch_options *options, tpch_sink sink, void *ctx, fly_err *err)
{
    double scale = options->scale > 0 ? options->scale : 1;
    tpch_gen *g = malloc(sizeof *g);
    if (g == NULL) {
        return fly_err_set(err, FLY_E_NO_MEMORY, "out of memory");
    }
    *g = (tpch_gen){.sink = sink, .ctx = ctx, .err = err};
    g->tables = options->tables != 0 ? options->tables : (1u << TPCH_TABLE_COUNT) - 1;
    g->pool_bytes = (int64_t)(options->text_mib != 0 ? options->text_mib : POOL_MIB) << 20;
    g->parts = at_scale(scale, 200000);
    g->suppliers = at_scale(scale, 10000);
    g->customers = at_scale(scale, 150000);
    g->orders = at_scale(scale, 1500000);
    g->clerks = at_scale(scale < 1 ? 1 : scale, 1000);
    for (size_t i = 0; i < TPCH_LIST_COUNT; i++) {
        make_die(&g->dice[i], (tpch_list)i);
    }
    make_dates(g);
    fly_status status = make_pool(g);
    if (status == FLY_OK) {
        status = make_tables(g);
    }
    free(g->pool);
    free(g);
    return status;
}

const char *tpch_table_name(tpch_table table)
{
    static const char *const names[TPCH_TABLE_COUNT] = {
        "region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem"};
    FLY_ASSERT(table < TPCH_TABLE_COUNT);
    return names[table];
}
