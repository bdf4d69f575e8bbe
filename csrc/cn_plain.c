/* Plain netlist lines to columns: one pass over the text, words interned in open-addressing hash tables. */
#include "cn_plain.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORD = 255, MAX_WORDS = 5 };
enum kind { REFUSED = 0, LETTER, BLANK, SEMICOLON, SLASH, DOLLAR };

typedef struct word {
    const unsigned char *at;
    size_t length;
} word;

/* Kind of each byte; those not named end the search for plain lines (quotes, brackets, =, commas, beyond ASCII). */
static const uint8_t KIND[256] = {
    ['!'] = LETTER, ['#'] = LETTER, ['%'] = LETTER, ['&'] = LETTER, ['*'] = LETTER, ['+'] = LETTER, ['-'] = LETTER,
    ['.'] = LETTER, ['0' ... '9'] = LETTER, [':'] = LETTER, ['<'] = LETTER, ['>'] = LETTER, ['?'] = LETTER,
    ['@'] = LETTER, ['A' ... 'Z'] = LETTER, ['['] = LETTER, ['\\'] = LETTER, [']'] = LETTER, ['^'] = LETTER,
    ['_'] = LETTER, ['`'] = LETTER, ['a' ... 'z'] = LETTER, ['|'] = LETTER, ['~'] = LETTER,
    [' '] = BLANK, ['\t'] = BLANK, [';'] = SEMICOLON, ['/'] = SLASH, ['$'] = DOLLAR,
};

static inline unsigned char low(unsigned char c) { return c >= 'A' && c <= 'Z' ? (unsigned char)(c + 32) : c; }

/* ------------------------------------------------------------------ words */
static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= 0x9fb21c651e98df25u;
    h ^= h >> 29;
    return h;
}

static uint64_t hash(cn_idx owner, const char *text, size_t length)
{
    uint64_t h = mix(((uint64_t)(uint32_t)owner << 32) + length + 0x9e3779b97f4a7c15u);
    for (; length > 8; text += 8, length -= 8) {
        uint64_t part;
        memcpy(&part, text, 8);
        h = mix(h ^ part);
    }
    uint64_t part = 0;
    memcpy(&part, text, length);
    return mix(h ^ part);
}

/* The slot of a word: its own, or the free one where it belongs. */
static size_t slot_of(const cn_words *w, uint64_t h, cn_idx owner, const char *text, size_t length)
{
    const size_t mask = w->slots - 1;
    for (size_t s = (size_t)h & mask;; s = (s + 1) & mask) {
        const cn_slot slot = w->slot[s];
        if (!slot.entry) return s;
        if (slot.tag != (uint32_t)(h >> 32)) continue;
        const cn_idx e = slot.entry - 1;
        if (w->owner[e] == owner && w->at[e + 1] - w->at[e] == length + 1
            && memcmp(w->text + w->at[e], text, length) == 0)
            return s;
    }
}

cn_idx cn_words_find(const cn_words *w, cn_idx owner, const char *text, size_t length)
{
    return w->slot[slot_of(w, hash(owner, text, length), owner, text, length)].entry - 1;
}

static int resize(void **block, size_t count, size_t size)
{
    void *const grown = realloc(*block, count * size);
    if (grown) *block = grown;
    return grown != NULL;
}

static cn_status words_init(cn_words *w)
{
    w->capacity = 16;
    w->room = 256;
    w->slots = 64;
    w->at = calloc((size_t)w->capacity + 1, sizeof *w->at);
    w->owner = calloc((size_t)w->capacity, sizeof *w->owner);
    w->text = malloc(w->room);
    w->slot = calloc(w->slots, sizeof *w->slot);
    return w->at && w->owner && w->text && w->slot ? CN_OK : CN_NO_MEMORY;
}

static void words_free(cn_words *w)
{
    free(w->at);
    free(w->owner);
    free(w->text);
    free(w->slot);
}

static cn_status words_grow(cn_words *w, size_t length)
{
    const size_t used = w->at[w->n];
    if (used + length + 1 > UINT32_MAX || w->n >= INT32_MAX / 2) return CN_NO_MEMORY;
    if (used + length + 1 > w->room) {
        const size_t room = 2 * (used + length + 1);
        if (!resize((void **)&w->text, room, 1)) return CN_NO_MEMORY;
        w->room = room;
    }
    if (w->n == w->capacity) {
        const cn_idx capacity = 2 * w->capacity;
        if (!resize((void **)&w->at, (size_t)capacity + 1, sizeof *w->at)) return CN_NO_MEMORY;
        if (!resize((void **)&w->owner, (size_t)capacity, sizeof *w->owner)) return CN_NO_MEMORY;
        w->capacity = capacity;
    }
    if (2 * ((size_t)w->n + 1) > w->slots) {
        const size_t slots = 4 * w->slots;
        cn_slot *const slot = calloc(slots, sizeof *slot);
        if (!slot) return CN_NO_MEMORY;
        for (cn_idx e = 0; e < w->n; e++) {
            const uint64_t h = hash(w->owner[e], w->text + w->at[e], w->at[e + 1] - w->at[e] - 1);
            size_t s = (size_t)h & (slots - 1);
            while (slot[s].entry) s = (s + 1) & (slots - 1);
            slot[s] = (cn_slot){(uint32_t)(h >> 32), e + 1};
        }
        free(w->slot);
        w->slot = slot;
        w->slots = slots;
    }
    return CN_OK;
}

/* Return the entry of a word, added where it is new, or -1 without memory; *fresh tells which. */
static cn_idx words_add(cn_words *w, cn_idx owner, const char *text, size_t length, int *fresh)
{
    *fresh = 0;
    if (words_grow(w, length) != CN_OK) return -1;
    const uint64_t h = hash(owner, text, length);
    const size_t s = slot_of(w, h, owner, text, length);
    if (w->slot[s].entry) return w->slot[s].entry - 1;
    const cn_idx e = w->n++;
    const uint32_t at = w->at[e];
    memcpy(w->text + at, text, length);
    w->text[at + length] = '\n';
    w->at[e + 1] = at + (uint32_t)length + 1;
    w->owner[e] = owner;
    w->slot[s] = (cn_slot){(uint32_t)(h >> 32), e + 1};
    *fresh = 1;
    return e;
}

/* ------------------------------------------------------------------ the table */
cn_status cn_plain_init(cn_plain *t)
{
    memset(t, 0, sizeof *t);
    if (words_init(&t->name) != CN_OK || words_init(&t->node) != CN_OK) return CN_NO_MEMORY;
    int fresh;
    words_add(&t->node, 0, "0", 1, &fresh);
    words_add(&t->node, 0, "gnd", 3, &fresh);
    return CN_OK;
}

void cn_plain_free(cn_plain *t)
{
    words_free(&t->name);
    words_free(&t->node);
    free(t->plus);
    free(t->minus);
    free(t->line);
    free(t->value);
    free(t->letter);
    memset(t, 0, sizeof *t);
}

static cn_status reserve_row(cn_plain *t)
{
    if (t->name.n < t->capacity) return CN_OK;
    const size_t capacity = 2 * (size_t)t->capacity + 16;
    if (!resize((void **)&t->plus, capacity, sizeof *t->plus) || !resize((void **)&t->minus, capacity, sizeof *t->minus)
        || !resize((void **)&t->line, capacity, sizeof *t->line)
        || !resize((void **)&t->value, capacity, sizeof *t->value)
        || !resize((void **)&t->letter, capacity, sizeof *t->letter))
        return CN_NO_MEMORY;
    t->capacity = (cn_idx)capacity;
    return CN_OK;
}

cn_status cn_plain_claim(cn_plain *t, cn_idx body, const char *name, size_t length)
{
    int fresh;
    if (reserve_row(t) != CN_OK) return CN_NO_MEMORY;
    const cn_idx row = words_add(&t->name, body, name, length, &fresh);
    if (row < 0) return CN_NO_MEMORY;
    if (fresh) {
        t->plus[row] = t->minus[row] = t->line[row] = 0;
        t->value[row] = 0.0;
        t->letter[row] = 0;
    }
    return CN_OK;
}

/* ------------------------------------------------------------------ numbers */
static int starts_with(const unsigned char *p, const unsigned char *end, const char *start)
{
    for (; *start; p++, start++) {
        if (p == end || low(*p) != (unsigned char)*start) return 0;
    }
    return 1;
}

/* The scale of a suffix as a power of ten; 1 in *mil for the one that is none. */
static int scale(const unsigned char *p, const unsigned char *end, int *mil)
{
    *mil = 0;
    if (p == end) return 0;
    if (starts_with(p, end, "meg")) return 6;
    if (starts_with(p, end, "mil")) {
        *mil = 1;
        return 0;
    }
    switch (low(*p)) {
    case 't': return 12;
    case 'g': return 9;
    case 'k': return 3;
    case 'm': return -3;
    case 'u': return -6;
    case 'n': return -9;
    case 'p': return -12;
    case 'f': return -15;
    default: return 0;
    }
}

/* Read `[+-]digits[.digits][e[+-]digits][letters]`; 0 when the word is anything else. */
static int number(word w, cn_to_double convert, double *value)
{
    static const double POWER[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const unsigned char *p = w.at, *const end = w.at + w.length;
    const int negative = *p == '-';
    if (*p == '-' || *p == '+') p++;
    const unsigned char *const digits = p;
    uint64_t mantissa = 0;
    int count = 0, significant = 0, behind = 0;
    for (int point = 0; p < end; p++) {
        if (*p == '.' && !point) {
            point = 1;
        } else if (*p >= '0' && *p <= '9') {
            count++;
            significant += significant || *p != '0';
            if (significant < 19) mantissa = 10 * mantissa + (*p - '0');
            behind += point;
        } else {
            break;
        }
    }
    if (!count) return 0;
    const unsigned char *const digits_end = p;
    int exponent = 0;
    if (p < end && low(*p) == 'e') {
        const unsigned char *q = p + 1;
        const int down = q < end && *q == '-';
        if (q < end && (*q == '-' || *q == '+')) q++;
        const unsigned char *const first = q;
        for (; q < end && *q >= '0' && *q <= '9' && q - first < 5; q++) exponent = 10 * exponent + (*q - '0');
        if (q - first > 4) return 0;
        if (q > first) {
            p = q;
            if (down) exponent = -exponent;
        } else {
            exponent = 0;
        }
    }
    for (const unsigned char *q = p; q < end; q++) {
        if (!(low(*q) >= 'a' && low(*q) <= 'z') && *q != '_') return 0;
    }
    int mil;
    exponent += scale(p, end, &mil);
    const int shift = exponent - behind;
    double v;
    if (significant < 19 && mantissa <= (UINT64_C(1) << 53) && shift >= -22 && shift <= 22) {
        /* both factors are exact, so that the product is rounded once */
        v = shift < 0 ? (double)mantissa / POWER[-shift] : (double)mantissa * POWER[shift];
    } else {
        char text[MAX_WORD + 16];
        const size_t length = (size_t)(digits_end - digits);
        memcpy(text, digits, length);
        snprintf(text + length, 16, "e%d", exponent);
        v = convert(text);
    }
    if (mil) v *= 25.4e-6;
    *value = negative ? -v : v;
    return v <= DBL_MAX;
}

/* The letter behind the digits of a number, or 0. */
static unsigned char suffix(word w)
{
    size_t k = w.length;
    while (k && low(w.at[k - 1]) >= 'a' && low(w.at[k - 1]) <= 'z') k--;
    return k < w.length ? low(w.at[k]) : 0;
}

/* ------------------------------------------------------------------ lines */
/* Split a line into words up to its end or comment; -1 when it is not plain. */
static int split(const unsigned char *p, const unsigned char *end, word *words)
{
    for (int count = 0;; count++) {
        while (p < end && KIND[*p] == BLANK) p++;
        if (p == end || *p == ';' || *p == '$' || (*p == '/' && p + 1 < end && p[1] == '/')) return count;
        if (count == MAX_WORDS) return -1;
        const unsigned char *const start = p;
        for (; p < end; p++) {
            const uint8_t kind = KIND[*p];
            if (kind == BLANK || kind == SEMICOLON || (kind == SLASH && p + 1 < end && p[1] == '/')) break;
            if (kind == REFUSED) return -1;
        }
        words[count] = (word){start, (size_t)(p - start)};
        if (words[count].length > MAX_WORD) return -1;
    }
}

/* Whether the next line that says something continues the one before, as far as can be told. */
static int continued(const char *text, const int64_t *starts, cn_idx n_lines, cn_idx k)
{
    for (; k < n_lines; k++) {
        const unsigned char *p = (const unsigned char *)text + starts[k];
        const unsigned char *const end = (const unsigned char *)text + starts[k + 1] - 1;
        while (p < end && KIND[*p] == BLANK) p++;
        if (p == end || *p == '*') continue;
        return *p == '+' || *p < ' ' || *p >= 0x7f;
    }
    return 0;
}

static cn_idx node(cn_plain *t, word w)
{
    char text[MAX_WORD];
    int fresh;
    for (size_t k = 0; k < w.length; k++) text[k] = (char)low(w.at[k]);
    return words_add(&t->node, 0, text, w.length, &fresh);
}

cn_status cn_plain_read(cn_plain *t, const char *text, const int64_t *starts, cn_idx n_lines, cn_idx first,
                        cn_idx body, cn_to_double convert, cn_idx *next)
{
    cn_idx k = first;
    for (; k < n_lines; k++) {
        const unsigned char *p = (const unsigned char *)text + starts[k];
        const unsigned char *const end = (const unsigned char *)text + starts[k + 1] - 1;
        while (p < end && KIND[*p] == BLANK) p++;
        if (p == end || *p == '*') continue;
        const unsigned char letter = low(*p);
        const int source = letter == 'v' || letter == 'i';
        if (!source && letter != 'r' && letter != 'c' && letter != 'l') break;
        word w[MAX_WORDS];
        const int count = split(p, end, w);
        word last = w[3];
        if (source && count == 5 && last.length == 2 && low(last.at[0]) == 'd' && low(last.at[1]) == 'c') last = w[4];
        else if (count != 4) break;
        /* a resistance in M is surely meant in megohms, an A behind a part's value as a scale: the grammar warns */
        if (letter == 'r' && last.at[last.length - 1] == 'M') break;
        if (!source && suffix(last) == 'a') break;
        double value;
        if (!number(last, convert, &value)) break;
        char name[MAX_WORD];
        int dotted = 0, fresh;
        for (size_t c = 0; c < w[0].length; c++) {
            name[c] = (char)low(w[0].at[c]);
            dotted |= name[c] == '.';
        }
        if (dotted || continued(text, starts, n_lines, k + 1)) break;
        if (reserve_row(t) != CN_OK) return CN_NO_MEMORY;
        const cn_idx plus = node(t, w[1]), minus = node(t, w[2]);
        if (plus < 0 || minus < 0) return CN_NO_MEMORY;
        const cn_idx row = words_add(&t->name, body, name, w[0].length, &fresh);
        if (row < 0) return CN_NO_MEMORY;
        if (!fresh) break; /* the name is taken: the second one is told of where names are compared */
        t->plus[row] = plus;
        t->minus[row] = minus;
        t->line[row] = k + 1;
        t->value[row] = value;
        t->letter[row] = letter;
    }
    *next = k;
    return CN_OK;
}
