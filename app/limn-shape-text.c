/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-shape-text.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static void
skip_space (const char **at)
{
  while (isspace ((unsigned char) **at))
    (*at)++;
}

/* Not strtod(): that follows the locale, and takes "0x10", "1e5" and "nan". */
static bool
scan_number (const char **at, double *number)
{
  const char *c = *at;
  double value = 0, place = 1;
  bool digits = false;

  for (; isdigit ((unsigned char) *c); c++, digits = true)
    value = 10 * value + (*c - '0');
  if (*c == '.' || *c == ',')
    for (c++; isdigit ((unsigned char) *c); c++, digits = true)
      value += (place /= 10) * (*c - '0');
  if (!digits)
    return false;
  *at = c;
  *number = value;
  return true;
}

/* Not tolower(): in some locales that changes bytes beyond ASCII. */
static char
to_small (char c)
{
  return c >= 'A' && c <= 'Z' ? (char) (c - 'A' + 'a') : c;
}

/* Steps over `word`, written in small letters. */
static bool
scan_word (const char **at, const char *word)
{
  size_t length = strlen (word);

  for (size_t i = 0; i < length; i++)
    if (to_small ((*at)[i]) != word[i])
      return false;
  *at += length;
  return true;
}

static bool
is_end (const char *at)
{
  skip_space (&at);
  return *at == '\0';
}

static LimnShapeText
check_range (double value, double least, double most)
{
  if (value < least)
    return LIMN_SHAPE_TEXT_TOO_SMALL;
  return value <= most ? LIMN_SHAPE_TEXT_OK : LIMN_SHAPE_TEXT_TOO_LARGE;
}

LimnShapeText
limn_shape_text_parse_length (const char *text, const LimnLengthRule *rule, double *pixels)
{
  LimnShapeText answer;
  double value;

  skip_space (&text);
  if (!scan_number (&text, &value))
    return LIMN_SHAPE_TEXT_UNREADABLE;
  skip_space (&text);
  if (scan_word (&text, "%"))
    value *= rule->present / 100;
  else if (!scan_word (&text, "px") && scan_word (&text, "p"))
    value *= rule->token_pixels;
  if (!is_end (text))
    return LIMN_SHAPE_TEXT_UNREADABLE;
  answer = check_range (value, 1, rule->largest);
  if (answer == LIMN_SHAPE_TEXT_OK)
    *pixels = value;
  return answer;
}

static bool
scan_paper (const char **at)
{
  const char *c = *at;
  double number;

  if (!scan_word (&c, "a") || !isdigit ((unsigned char) *c) || !scan_number (&c, &number) ||
      number > 10 || number != floor (number))
    return false;
  *at = c;
  return true;
}

static bool
scan_separator (const char **at)
{
  skip_space (at);
  return scan_word (at, ":") || scan_word (at, "/") || scan_word (at, "x") ||
         scan_word (at, "\303\227"); /* × */
}

LimnShapeText
limn_shape_text_parse_ratio (const char *text, bool upright, double most, double *ratio)
{
  LimnShapeText answer;
  double across, down = 1;

  skip_space (&text);
  if (scan_paper (&text))
    across = upright ? M_SQRT1_2 : M_SQRT2;
  else if (!scan_number (&text, &across))
    return LIMN_SHAPE_TEXT_UNREADABLE;
  else if (scan_separator (&text))
    {
      skip_space (&text);
      if (!scan_number (&text, &down))
        return LIMN_SHAPE_TEXT_UNREADABLE;
    }
  if (!is_end (text))
    return LIMN_SHAPE_TEXT_UNREADABLE;
  /* Not across / down, which zeros and endless numbers make meaningless. */
  if (across <= 0 || across * most < down)
    return LIMN_SHAPE_TEXT_TOO_SMALL;
  answer = down <= 0 || isinf (across) ? LIMN_SHAPE_TEXT_TOO_LARGE
                                       : check_range (across / down, 1 / most, most);
  if (answer == LIMN_SHAPE_TEXT_OK)
    *ratio = across / down;
  return answer;
}
