/* SPDX-License-Identifier: Apache-2.0 */
/* How well a class answers what a person types, for the window and the command line alike. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <fit/fit.h>

/* What the letters from U+00C0 to U+017F fold to, each row up to and with its last; NULL keeps. */
static const struct {
    uint32_t last;
    const char *letters;
} latin[] = {
    {0xc5, "a"},  {0xc6, "ae"}, {0xc7, "c"},  {0xcb, "e"},  {0xcf, "i"},   {0xd0, "d"},
    {0xd1, "n"},  {0xd6, "o"},  {0xd7, NULL}, {0xd8, "o"},  {0xdc, "u"},   {0xdd, "y"},
    {0xde, "th"}, {0xdf, "ss"}, {0xe5, "a"},  {0xe6, "ae"}, {0xe7, "c"},   {0xeb, "e"},
    {0xef, "i"},  {0xf0, "d"},  {0xf1, "n"},  {0xf6, "o"},  {0xf7, NULL},  {0xf8, "o"},
    {0xfc, "u"},  {0xfd, "y"},  {0xfe, "th"}, {0xff, "y"},  {0x105, "a"},  {0x10d, "c"},
    {0x111, "d"}, {0x11b, "e"}, {0x123, "g"}, {0x127, "h"}, {0x131, "i"},  {0x133, "ij"},
    {0x135, "j"}, {0x138, "k"}, {0x142, "l"}, {0x14b, "n"}, {0x151, "o"},  {0x153, "oe"},
    {0x159, "r"}, {0x161, "s"}, {0x167, "t"}, {0x173, "u"}, {0x175, "w"},  {0x178, "y"},
    {0x17e, "z"}, {0x17f, "s"},
};

/* A letter of two bytes, folded into at most two bytes; how many. */
static int fold_pair(const unsigned char *in, char out[2])
{
    uint32_t c = (uint32_t)(in[0] & 0x1f) << 6 | (in[1] & 0x3f);
    if (c >= 0x300 && c < 0x370)
        return 0; /* an accent of its own */
    for (size_t i = 0; c >= 0xc0 && c <= 0x17f && i < sizeof latin / sizeof *latin; i++)
        if (c <= latin[i].last) {
            int n = latin[i].letters ? (int)strlen(latin[i].letters) : 0;
            if (!n)
                break;
            memcpy(out, latin[i].letters, (size_t)n);
            return n;
        }
    if ((c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        c += 32; /* Greek and Cyrillic capitals */
    else if (c >= 0x400 && c <= 0x40f)
        c += 80;
    out[0] = (char)(0xc0 | c >> 6);
    out[1] = (char)(0x80 | (c & 0x3f));
    return 2;
}

void fit_class_fold(char *text)
{
    char *out = text;
    for (const char *in = text; *in;) {
        const unsigned char *at = (const unsigned char *)in;
        if (at[0] >= 0xc2 && at[0] <= 0xdf && (at[1] & 0xc0) == 0x80) {
            out += fold_pair(at, out);
            in += 2;
        } else {
            *out++ = (char)(*in >= 'A' && *in <= 'Z' ? *in + 32 : *in);
            in++;
        }
    }
    *out = '\0';
}

/* How text can lie in a name, the better the higher. */
enum lies { LIES_NOWHERE, LIES_INSIDE, LIES_AT_WORD, LIES_AT_START, LIES_WHOLE, N_LIES };

static bool is_in_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c & 0x80);
}

static enum lies lies_in(const char *name, size_t length, const char *text)
{
    size_t n = strlen(text);
    enum lies best = LIES_NOWHERE;
    for (size_t i = 0; i + n <= length; i++) {
        if (memcmp(name + i, text, n))
            continue;
        enum lies lies = i == 0 ? n == length ? LIES_WHOLE : LIES_AT_START
                         : is_in_word(name[i - 1]) ? LIES_INSIDE
                                                   : LIES_AT_WORD;
        best = lies > best ? lies : best;
    }
    return best;
}

int fit_class_match(const struct fit_class_words *words, const char *text)
{
    /* A word of the name says more than the start of a synonym. */
    static const int of_name[N_LIES] = {0, 3, 6, 7, 9}, of_synonym[N_LIES] = {0, 2, 4, 5, 8};
    char number[16];
    if (!*text)
        return 1;
    snprintf(number, sizeof number, "%d", words->id);
    if (!strcmp(number, text) || !strcmp(words->code, text))
        return 10;
    int best = of_name[lies_in(words->name, strlen(words->name), text)];
    for (const char *at = words->synonyms; *at;) {
        at += strspn(at, ", ");
        size_t n = strcspn(at, ",");
        int match = of_synonym[lies_in(at, n, text)];
        best = match > best ? match : best;
        at += n;
    }
    return best == 0 && lies_in(words->group, strlen(words->group), text) > LIES_INSIDE ? 1 : best;
}
