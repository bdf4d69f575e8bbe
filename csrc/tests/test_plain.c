/* The reader of plain lines on texts by chance: every row it makes is one that the text holds, and no byte beyond the
 * text is read (the sanitizers see to that).  An argument is the number of texts: `build/sanitize/test_plain 1000000`. */
#include "check.h"
#include "cn_plain.h"

#include <math.h>
#include <string.h>

enum { TEXTS = 20000, MOST = 4096 };

static uint64_t state = 88172645463325252u;

static unsigned pick(unsigned n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % n;
}

static double convert(const char *text) { return strtod(text, NULL); }

static const char *const WORDS[] = {
    "r1", "R2", "c1", "l3", "v1", "I9", "rlonger_name", "r", "r.x", "rx1.r2", "d1", "a", "b", "0", "gnd", "GND", "n$2", "n<3>",
    "1", "1k", "2.5meg", "1e-12", ".5", "5.", "1e400", "1e-400", "1e", "1e+", "--1", "1x0k", "4k7", "1u", "3mil", "1kohm",
    "9999999999999999999999999999999999999999999999999999999999999999999999999999999999", "dc", "DC", "ac", "m=2", "{p}",
    "'p'", "\"", "$", "; c", "$ c", "// c", "*", "+", ",", "=", "(", ")", "\xc2\xb5", "\xff", "\x80", "1\xc2\xb5", "",
};
static const char *const GAPS[] = {" ", " ", " ", " ", "  ", "\t", "\v", "\f", ",", "", "\n", "\n+ ", "\n*\n", "\n\n"};
enum { N_WORDS = sizeof WORDS / sizeof *WORDS, N_GAPS = sizeof GAPS / sizeof *GAPS };

/* Fill `text` with lines, most of them plain; return its length.  It ends with a newline. */
static size_t write_text(char *text)
{
    size_t length = 0;
    const unsigned lines = pick(12);
    for (unsigned k = 0; k < lines; k++) {
        const int plain = pick(10) < 7;
        const unsigned words = plain ? 4 : pick(8);
        for (unsigned w = 0; w < words; w++) {
            const char *word = WORDS[pick(N_WORDS)];
            if (plain) word = w == 0 ? WORDS[pick(7)] : w < 3 ? WORDS[11 + pick(7)] : WORDS[18 + pick(6)];
            length += (size_t)sprintf(text + length, "%s%s", word, plain ? " " : GAPS[pick(N_GAPS)]);
            if (pick(100) == 0) text[length++] = (char)(pick(255) + 1);
        }
        text[length++] = '\n';
    }
    text[length++] = '\n';
    return length;
}

static void check_rows(const cn_plain *table, cn_idx n_lines)
{
    const cn_words *names = &table->name, *nodes = &table->node;
    for (cn_idx k = 0; k < names->n; k++) {
        const char *name = names->text + names->at[k];
        const size_t length = names->at[k + 1] - names->at[k] - 1;
        CHECK(names->text[names->at[k + 1] - 1] == '\n');
        CHECK(cn_words_find(names, names->owner[k], name, length) == k);
        if (!table->letter[k]) continue;
        CHECK(table->plus[k] >= 0 && table->plus[k] < nodes->n);
        CHECK(table->minus[k] >= 0 && table->minus[k] < nodes->n);
        CHECK(table->line[k] >= 1 && table->line[k] <= n_lines);
        CHECK(isfinite(table->value[k]));
        CHECK(strchr("rclvi", table->letter[k]) && name[0] == (char)table->letter[k]);
    }
}

int main(int argc, char **argv)
{
    const long texts = argc > 1 ? strtol(argv[1], NULL, 10) : TEXTS;
    static char draft[MOST];
    long rows = 0;
    for (long t = 0; t < texts; t++) {
        const size_t length = write_text(draft);
        char *text = malloc(length); /* of this size alone, so that a byte too many is noticed */
        CHECK(text && length < MOST);
        memcpy(text, draft, length);
        int64_t starts[MOST];
        cn_idx n_lines = 0;
        starts[0] = 0;
        for (size_t k = 0; k < length; k++) {
            if (text[k] == '\n') starts[++n_lines] = (int64_t)k + 1;
        }
        cn_plain table;
        CHECK(cn_plain_init(&table) == CN_OK);
        CHECK(cn_plain_claim(&table, 0, "r1", 2) == CN_OK);
        for (cn_idx line = 0; line < n_lines; line++) {
            cn_idx next = -1;
            CHECK(cn_plain_read(&table, text, starts, n_lines, line, (cn_idx)pick(2), convert, &next) == CN_OK);
            CHECK(next >= line && next <= n_lines);
            if (next > line) line = next - 1;
        }
        check_rows(&table, n_lines);
        rows += table.name.n - 1;
        cn_plain_free(&table);
        free(text);
    }
    CHECK(rows > texts / 2);
    return 0;
}
