/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/metrics/bleu.c -- see bleu.h. */
#include "workloads/metrics/bleu.h"

#include <math.h>
#include <string.h>

enum { ORDERS = 4, GROWTH = 6 /* bytes that cutting makes of one, at most */ };

/* Replaces `old` by something not longer, everywhere in text, from the left. */
static void
replace(char *text, const char *old, const char *new)
{
    const size_t length = strlen(old);
    char *to = text;
    for (const char *from = text; *from != '\0';)
        if (strncmp(from, old, length) == 0) {
            to = stpcpy(to, new);
            from += length;
        } else {
            *to++ = *from++;
        }
    *to = '\0';
}

static bool
is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool
is_no_digit(char c)
{
    return !is_digit(c);
}

static bool
is_stop(char c)
{
    return c == '.' || c == ',';
}

static bool
is_dash(char c)
{
    return c == '-';
}

/* Signs of ASCII that always stand alone: all but ' - . and the comma. */
static bool
is_sign(char c)
{
    return c > ' ' && c < 127 && !is_digit(c) && !((c | 32) >= 'a' && (c | 32) <= 'z') &&
           strchr("'-.,", c) == NULL;
}

static void
cut_signs(const char *text, char *to)
{
    for (; *text != '\0'; text++) {
        const bool sign = is_sign(*text);
        if (sign)
            *to++ = ' ';
        *to++ = *text;
        if (sign)
            *to++ = ' ';
    }
    *to = '\0';
}

/* Writes each two neighbours of these kinds as `form` says, in which 1 and 2 are they. What was
 * matched is not looked at again: the second is no later first. */
static void
cut_pairs(const char *text, char *to, bool (*first)(char), bool (*second)(char), const char *form)
{
    while (*text != '\0')
        if (text[1] != '\0' && first(text[0]) && second(text[1])) {
            for (const char *f = form; *f != '\0'; f++)
                *to++ = *f == '1' ? text[0] : *f == '2' ? text[1] : *f;
            text += 2;
        } else {
            *to++ = *text++;
        }
    *to = '\0';
}

/* Bytes of the white space that text begins with, as Unicode has it; 0: none. */
static size_t
space_length(const char *text)
{
    static const char *const wide[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80",
                                       "\xe2\x80\xa8", "\xe2\x80\xa9", "\xe2\x80\xaf",
                                       "\xe2\x81\x9f", "\xe3\x80\x80"};
    const unsigned char c = (unsigned char)text[0];
    if (c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f))
        return 1;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        if (strncmp(text, wide[i], strlen(wide[i])) == 0)
            return strlen(wide[i]);
    const bool thin = strncmp(text, "\xe2\x80", 2) == 0 && (unsigned char)text[2] >= 0x80 &&
                      (unsigned char)text[2] <= 0x8a;
    return thin ? 3 : 0;
}

static void
single_spaces(const char *text, char *to)
{
    char *const begin = to;
    while (*text != '\0') {
        const size_t space = space_length(text);
        if (space == 0)
            *to++ = *text++;
        else if (to > begin && to[-1] != ' ')
            *to++ = ' ';
        text += space;
    }
    if (to > begin && to[-1] == ' ')
        to--;
    *to = '\0';
}

char *
sm_bleu_words(const char *text, struct sm_arena *arena)
{
    const size_t size = GROWTH * (strlen(text) + 2) + 1;
    char *a = sm_arena_alloc(arena, size, 1), *b = sm_arena_alloc(arena, size, 1);
    if (a == NULL || b == NULL)
        return NULL;
    a[0] = ' ';
    stpcpy(stpcpy(a + 1, text), " ");
    replace(a, "<skipped>", "");
    replace(a, "-\n", "");
    replace(a, "&quot;", "\"");
    replace(a, "&amp;", "&");
    replace(a, "&lt;", "<");
    replace(a, "&gt;", ">");
    cut_signs(a, b);
    cut_pairs(b, a, is_no_digit, is_stop, "1 2 ");
    cut_pairs(a, b, is_stop, is_no_digit, " 1 2");
    cut_pairs(b, a, is_digit, is_dash, "1 2 ");
    single_spaces(a, b);
    return b;
}

/* A sentence as numbers, the same for the same word. */
struct sentence {
    size_t *word; /* (count) */
    size_t count;
    bool *used; /* (count) n-grams that have found their like */
};

/* Words that both sentences number from. */
struct words {
    const char **text; /* (count) up to the next space or end */
    size_t count;
};

static size_t
number_of(struct words *words, const char *text, size_t length)
{
    for (size_t i = 0; i < words->count; i++)
        if (strncmp(words->text[i], text, length) == 0 && strchr(" ", words->text[i][length]))
            return i;
    words->text[words->count] = text;
    return words->count++;
}

static bool
sentence_make(struct sentence *sentence, struct words *words, const char *text,
              struct sm_arena *scratch)
{
    const size_t most = strlen(text);
    sentence->word = sm_arena_alloc(scratch, most, sizeof *sentence->word);
    sentence->used = sm_arena_alloc(scratch, most, sizeof *sentence->used);
    if (sentence->word == NULL || sentence->used == NULL)
        return false;
    while (*text != '\0') {
        const size_t length = strcspn(text, " ");
        sentence->word[sentence->count++] = number_of(words, text, length);
        text += length + (text[length] == ' ');
    }
    return true;
}

/* n-grams of a that are in b, each of b used once: the clipped count of the paper. */
static size_t
matches(const struct sentence *a, const struct sentence *b, size_t n)
{
    size_t found = 0;
    memset(b->used, 0, b->count * sizeof *b->used);
    for (size_t i = 0; i + n <= a->count; i++)
        for (size_t j = 0; j + n <= b->count; j++)
            if (!b->used[j] && memcmp(a->word + i, b->word + j, n * sizeof *a->word) == 0) {
                b->used[j] = true;
                found++;
                break;
            }
    return found;
}

enum sm_status
sm_bleu_add(struct sm_bleu *bleu, const char *hypothesis, const char *reference,
            struct sm_arena *scratch)
{
    struct sentence ours = {.count = 0}, theirs = {.count = 0};
    struct words words = {.count = 0};
    const char *a = sm_bleu_words(hypothesis, scratch), *b = sm_bleu_words(reference, scratch);
    if (a != NULL && b != NULL)
        words.text = sm_arena_alloc(scratch, strlen(a) + strlen(b), sizeof *words.text);
    if (words.text == NULL || !sentence_make(&ours, &words, a, scratch) ||
        !sentence_make(&theirs, &words, b, scratch))
        return SM_FAIL(SM_ERR_NOMEM, "BLEU: no memory for a sentence");
    for (size_t n = 1; n <= ORDERS; n++) {
        bleu->matches[n - 1] += matches(&ours, &theirs, n);
        bleu->totals[n - 1] += ours.count >= n ? ours.count - n + 1 : 0;
    }
    bleu->hypothesis += ours.count;
    bleu->reference += theirs.count;
    return SM_OK;
}

double
sm_bleu_score(const struct sm_bleu *bleu)
{
    if (bleu->hypothesis + bleu->reference == 0)
        return (double)NAN;
    if (bleu->matches[0] == 0 || bleu->totals[ORDERS - 1] == 0)
        return 0;
    double logs = 0, smoothing = 1;
    for (size_t n = 0; n < ORDERS; n++) {
        const double total = (double)bleu->totals[n];
        if (bleu->matches[n] == 0)
            smoothing *= 2;
        logs +=
            log(bleu->matches[n] > 0 ? (double)bleu->matches[n] / total : 1 / (smoothing * total));
    }
    const double ratio = (double)bleu->reference / (double)bleu->hypothesis;
    return 100 * exp(fmin(1 - ratio, 0) + logs / ORDERS);
}
