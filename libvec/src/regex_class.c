/*
 * Classes of characters, and which characters differ only by case.
 *
 * Beyond ASCII the classes are approximations by ranges of whole scripts: all characters count as letters
 * but those of the blocks of punctuation, symbols and spaces. Exact properties are libtext's, which this
 * library does not have below it; for the expressions that people write the difference does not show.
 */
#include "regex_int.h"

#include <string.h>

typedef uint32_t range[2];

static const range digit_ranges[] = {{'0', '9'}};
static const range alpha_ranges[] = {
    {'A', 'Z'},         {'a', 'z'},          {0xaa, 0xaa},       {0xb5, 0xb5},
    {0xba, 0xba},       {0xc0, 0xd6},        {0xd8, 0xf6},       {0xf8, 0x2c1},
    {0x2c6, 0x2d1},     {0x2e0, 0x2e4},      {0x370, 0x373},     {0x376, 0x377},
    {0x37a, 0x37d},     {0x37f, 0x37f},      {0x386, 0x386},     {0x388, 0x3f5},
    {0x3f7, 0x481},     {0x48a, 0x559},      {0x560, 0x588},     {0x5d0, 0x5f2},
    {0x620, 0x66a - 1}, {0x66e, 0x6d3},      {0x6d5, 0x6dc},     {0x6e5, 0x6e8},
    {0x6ee, 0x6fc},     {0x710, 0x1680 - 1}, {0x1681, 0x169a},   {0x16a0, 0x1fff},
    {0x2071, 0x2071},   {0x207f, 0x207f},    {0x2090, 0x209c},   {0x2102, 0x2188},
    {0x24b6, 0x24e9},   {0x2c00, 0x2dff},    {0x3005, 0x3007},   {0x3021, 0x3029},
    {0x3031, 0x3035},   {0x3038, 0x303c},    {0x3041, 0x3096},   {0x309d, 0x309f},
    {0x30a1, 0x30fa},   {0x30fc, 0x31ff},    {0x3400, 0x4dbf},   {0x4e00, 0xa48c},
    {0xa4d0, 0xa6f1},   {0xa717, 0xa71f},    {0xa722, 0xd7fb},   {0xf900, 0xfd3d},
    {0xfd50, 0xfdfb},   {0xfe70, 0xfefc},    {0xff10, 0xff19},   {0xff21, 0xff3a},
    {0xff41, 0xff5a},   {0xff66, 0xffdc},    {0x10000, 0x100fa}, {0x10280, 0x1bc99},
    {0x1d400, 0x1d7ff}, {0x1e000, 0x1ecff},  {0x1ee00, 0x1eebb}, {0x20000, 0x323af}};
static const range word_extra[] = {{'0', '9'}, {'_', '_'}};
static const range space_ranges[] = {{'\t', '\r'},     {' ', ' '},       {0x85, 0x85},
                                     {0x1680, 0x1680}, {0x2000, 0x2006}, {0x2008, 0x200a},
                                     {0x2028, 0x2029}, {0x205f, 0x205f}, {0x3000, 0x3000}};
static const range blank_ranges[] = {{'\t', '\t'},     {' ', ' '},       {0x1680, 0x1680},
                                     {0x2000, 0x2006}, {0x2008, 0x200a}, {0x205f, 0x205f},
                                     {0x3000, 0x3000}};
static const range cntrl_ranges[] = {{0, 31}, {127, 159}, {0x2028, 0x2029}};
static const range xdigit_ranges[] = {{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
static const range punct_ranges[] = {
    {'!', '/'},       {':', '@'},       {'[', '`'},       {'{', '~'},       {0xa0, 0xa9},
    {0xab, 0xb4},     {0xb6, 0xb9},     {0xbb, 0xbf},     {0xd7, 0xd7},     {0xf7, 0xf7},
    {0x2007, 0x2007}, {0x200b, 0x2027}, {0x202a, 0x205e}, {0x2060, 0x2070}, {0x2074, 0x207e},
    {0x2080, 0x208e}, {0x20a0, 0x2101}, {0x2190, 0x24b5}, {0x24ea, 0x2bff}, {0x2e00, 0x2fff},
    {0x3001, 0x3004}, {0x3008, 0x3020}, {0xff01, 0xff0f}, {0xff1a, 0xff20}, {0x1f000, 0x1faff}};
static const range graph_ranges[] = {{'!', '~'},       {0xa0, 0x167f},   {0x1681, 0x1fff},
                                     {0x2007, 0x2007}, {0x200b, 0x2027}, {0x202a, 0x205e},
                                     {0x2060, 0x2fff}, {0x3001, 0xd7ff}, {0xe000, CODE_MAX}};
static const range print_ranges[] = {
    {' ', '~'}, {0xa0, 0x2027}, {0x202a, 0xd7ff}, {0xe000, CODE_MAX}};
static const range lower_ranges[] = {{'a', 'z'},   {0xaa, 0xaa}, {0xb5, 0xb5},   {0xba, 0xba},
                                     {0xdf, 0xf6}, {0xf8, 0xff}, {0x3ac, 0x3ce}, {0x430, 0x45f}};
static const range upper_ranges[] = {
    {'A', 'Z'}, {0xc0, 0xd6}, {0xd8, 0xde}, {0x386, 0x3ab}, {0x400, 0x42f}};

#define CLASS(name, ranges)                                                                        \
    {                                                                                              \
        name, ranges, sizeof(ranges) / sizeof(ranges)[0]                                           \
    }

static const struct {
    const char *name;
    const range *ranges;
    uint32_t n;
} classes[] = {
    CLASS("alpha", alpha_ranges), CLASS("digit", digit_ranges), CLASS("space", space_ranges),
    CLASS("blank", blank_ranges), CLASS("cntrl", cntrl_ranges), CLASS("xdigit", xdigit_ranges),
    CLASS("punct", punct_ranges), CLASS("graph", graph_ranges), CLASS("print", print_ranges),
    CLASS("lower", lower_ranges), CLASS("upper", upper_ranges), CLASS("+word", word_extra)};

/* "+word" is what \w has beside [:alpha:]. */
bool fly__vec_regex_class(const char *name, size_t len, const uint32_t (**ranges)[2], uint32_t *n)
{
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strlen(classes[i].name) == len && memcmp(classes[i].name, name, len) == 0) {
            *ranges = classes[i].ranges;
            *n = classes[i].n;
            return true;
        }
    }
    return false;
}

/* The other case of a character, if it has one: n is 1 or 2, the character itself first. */
void fly__vec_regex_fold(uint32_t c, uint32_t out[2], int *n)
{
    static const struct {
        uint32_t first, last, distance;
    } pairs[] = {{'A', 'Z', 32},     {0xc0, 0xd6, 32},   {0xd8, 0xde, 32},
                 {0x391, 0x3a1, 32}, {0x3a3, 0x3ab, 32}, {0x410, 0x42f, 32},
                 {0x400, 0x40f, 80}, {0x531, 0x556, 48}, {0xff21, 0xff3a, 32}};
    out[0] = c;
    *n = 2;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        uint32_t first = pairs[i].first;
        uint32_t last = pairs[i].last;
        uint32_t distance = pairs[i].distance;
        if (c >= first && c <= last) {
            out[1] = c + distance;
            return;
        }
        if (c >= first + distance && c <= last + distance) {
            out[1] = c - distance;
            return;
        }
    }
    bool odd_pairs = (c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e);
    bool even_pairs = (c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) ||
                      (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481) ||
                      (c >= 0x48a && c <= 0x4bf) || (c >= 0x4d0 && c <= 0x52f) ||
                      (c >= 0x1e00 && c <= 0x1e95) || (c >= 0x1ea0 && c <= 0x1eff);
    if (odd_pairs || even_pairs) {
        out[1] = ((c & 1) != 0) == odd_pairs ? c + 1 : c - 1;
        return;
    }
    *n = 1;
}
