/* Plain lines of a netlist (R, C, L, V or I, two nodes, one number) read from the text straight into columns.
 *
 * Whatever is not surely such a line is left to the caller: other letters, expressions, assignments, quotes, lines that
 * are continued, names with a dot or taken before, words outside ASCII, numbers out of range.
 */
#ifndef CN_PLAIN_H
#define CN_PLAIN_H

#include "cn_types.h"

/* Return the double nearest to a decimal number, whatever the locale. */
typedef double (*cn_to_double)(const char *text);

typedef struct cn_slot {
    uint32_t tag;
    cn_idx entry; /* + 1; 0: free */
} cn_slot;

/* Distinct words, each the property of an owner; a newline ends each in `text`. */
typedef struct cn_words {
    cn_idx n, capacity;
    uint32_t *at; /* n + 1 */
    cn_idx *owner;
    char *text;
    size_t room;
    cn_slot *slot;
    size_t slots; /* a power of two */
} cn_words;

/* Row k belongs to the name k, whose owner is the body of a subcircuit (or the top level) that holds the line.
 * Node 0 is "0", node 1 "gnd".  A letter of 0 marks a name that a line of another kind has taken. */
typedef struct cn_plain {
    cn_words name, node;
    cn_idx capacity;
    cn_idx *plus, *minus, *line;
    double *value;
    uint8_t *letter;
} cn_plain;

cn_status cn_plain_init(cn_plain *table);
void cn_plain_free(cn_plain *table);

/* Read lines from `first` (counted from 0) on until one is not plain; *next is that line, or n_lines.  Line k is
 * text[starts[k]] to text[starts[k+1] - 2], and a newline; line numbers are stored counted from 1. */
cn_status cn_plain_read(cn_plain *table, const char *text, const int64_t *starts, cn_idx n_lines, cn_idx first,
                        cn_idx body, cn_to_double convert, cn_idx *next);

/* Take a name in a body, so that no plain line of this name is read there any more. */
cn_status cn_plain_claim(cn_plain *table, cn_idx body, const char *name, size_t length);

/* The entry of a word, or -1. */
cn_idx cn_words_find(const cn_words *words, cn_idx owner, const char *word, size_t length);

#endif
