/* SPDX-License-Identifier: Apache-2.0 */
/* What the panes of a comparison show: which pictures, in how many columns, with which words. */
#include "limn-compare-view-private.h"

#include <glib/gi18n.h>
#include <math.h>

/* ---- pictures ---- */

/* The decoded picture, or a small one that stands for it. */
static GdkTexture *
texture_of (LimnCompareView *self, int i)
{
  const LimnVariant *v = &self->variants[i];

  if (i >= self->n)
    return NULL;
  return v->run ? limn_run_get_texture (v->run) : v->texture;
}

/* A decoded picture. */
typedef struct
{
  struct fit_frame *frame; /* a reference, or NULL where the pane keeps the pixels */
  const guint8 *rgba;      /* NULL: not there */
  int width, height;
} Pixels;

static Pixels
get_pixels (const LimnVariant *v)
{
  struct fit_frame *frame = v->run ? limn_run_dup_frame (v->run) : NULL;

  if (!frame)
    return (Pixels){ NULL, v->rgba, v->width, v->height };
  return (Pixels){ frame, fit_frame_pixels (frame), fit_frame_width (frame),
                   fit_frame_height (frame) };
}

static void
clear_pair (Pixels pair[2])
{
  fit_frame_unref (&pair[0].frame);
  fit_frame_unref (&pair[1].frame);
}

/* The picture of a pane and the reference, if both are there and of one size; to be cleared. */
static gboolean
take_pair (LimnCompareView *self, int i, Pixels pair[2])
{
  pair[0] = get_pixels (&self->variants[i]);
  pair[1] = get_pixels (&self->variants[self->reference]);
  if (pair[0].rgba && pair[1].rgba && pair[0].width == pair[1].width &&
      pair[0].height == pair[1].height)
    return TRUE;
  clear_pair (pair);
  return FALSE;
}

gboolean
limn_compare_view_measure (LimnCompareView *self, int pane, LimnDifference *out)
{
  Pixels pair[2];

  if (!take_pair (self, pane, pair))
    return FALSE;
  *out = limn_difference_measure (pair[0].rgba, pair[1].rgba,
                                  (gsize) pair[0].width * (gsize) pair[0].height);
  clear_pair (pair);
  return TRUE;
}

static GdkTexture *
dup_difference (LimnCompareView *self, int i)
{
  Pixels pair[2];
  double gain = gtk_spin_button_get_value (GTK_SPIN_BUTTON (self->gain));

  if (!take_pair (self, i, pair))
    return NULL;
  int width = pair[0].width, height = pair[0].height;
  gsize pixels = (gsize) width * (gsize) height;
  guint8 *rgba = g_malloc (4 * pixels);
  limn_difference_draw (rgba, pair[0].rgba, pair[1].rgba, pixels, gain);
  g_autoptr (GBytes) bytes = g_bytes_new_take (rgba, 4 * pixels);
  clear_pair (pair);
  return gdk_memory_texture_new (width, height, GDK_MEMORY_R8G8B8A8, bytes, 4 * (gsize) width);
}

/* ---- words ---- */

/* What a pane says on the right of its name. */
static char *
dup_detail (LimnCompareView *self, int i)
{
  const LimnVariant *v = &self->variants[i];
  LimnDifference d;

  if (v->opening)
    return g_strdup (_ ("Opening the model…"));
  if (v->run ? limn_run_get_state (v->run) == FIT_JOB_FAILED : !v->texture)
    return g_strdup ("");
  if (self->mode == LIMN_COMPARE_DIFFERENCE && i != self->reference &&
      limn_compare_view_measure (self, i, &d))
    {
      if (isinf (d.psnr_db))
        return g_strdup (_ ("identical"));
      /* Translators: how two pictures differ: mean, largest, peak signal-to-noise ratio */
      return g_strdup_printf (_ ("mean %.1f · max %d · %.1f dB"), d.mean, d.most, d.psnr_db);
    }
  if (!v->run)
    return g_strdup ("");
  return g_strdup_printf (_ ("step %d of %d"), limn_run_get_shown_step (v->run),
                          limn_run_get_n_steps (v->run));
}

/* What there is in the place of the picture. */
static char *
dup_message (LimnCompareView *self, int i)
{
  const LimnVariant *v = &self->variants[i], *reference = &self->variants[self->reference];

  if (v->run)
    return g_strdup (limn_run_get_state (v->run) == FIT_JOB_FAILED ? limn_run_get_error (v->run)
                                                                   : "");
  if (self->mode == LIMN_COMPARE_DIFFERENCE && v->texture && reference->texture &&
      (v->width != reference->width || v->height != reference->height))
    return g_strdup_printf (_ ("No difference can be shown: this picture is %d × %d, the "
                               "reference %d × %d."),
                            v->width, v->height, reference->width, reference->height);
  return g_strdup (v->trouble ? v->trouble : "");
}

static gboolean
is_done (const LimnVariant *v)
{
  if (v->run)
    return !limn_run_is_active (v->run);
  return v->file ? v->texture || v->trouble : !v->opening;
}

static void
show_status (LimnCompareView *self)
{
  g_autofree char *text = NULL;
  double t = gtk_range_get_value (GTK_RANGE (self->time));
  int done = 0;

  for (int i = 0; i < self->n; i++)
    done += is_done (&self->variants[i]);
  if (done < self->n)
    text = g_strdup_printf (_ ("%d of %d pictures"), done, self->n);
  else if (limn_compare_view_is_of_kept (self))
    text = g_strdup_printf (ngettext ("%u picture", "%u pictures", (gulong) done),
                            (guint) done);
  else
    /* Translators: t is the time of the flow, from 0 (noise) to 1 (picture) */
    text = g_strdup_printf (_ ("t = %.2f"), t);
  gtk_label_set_text (GTK_LABEL (self->status), text);
}

/* ---- panes ---- */

static void
show_grid (LimnCompareView *self)
{
  for (int i = 0; i < self->n; i++)
    {
      LimnComparePane *pane = LIMN_COMPARE_PANE (self->variants[i].pane);
      g_autoptr (GdkTexture) difference = NULL;
      g_autofree char *detail = dup_detail (self, i);
      g_autofree char *message = dup_message (self, i);

      if (self->mode == LIMN_COMPARE_DIFFERENCE && i != self->reference)
        difference = dup_difference (self, i);
      limn_compare_pane_set_texture (pane, *message     ? NULL
                                           : difference ? difference
                                                        : texture_of (self, i));
      limn_compare_pane_set_title (pane, self->variants[i].title, detail);
      limn_compare_pane_set_message (pane, message);
      limn_compare_pane_set_busy (pane, self->variants[i].opening != NULL);
      limn_compare_pane_set_marks (pane, i == self->chosen, i == self->reference);
    }
}

static void
show_single (LimnCompareView *self)
{
  LimnComparePane *pane = LIMN_COMPARE_PANE (self->big);
  const LimnVariant *a = &self->variants[self->reference], *b = &self->variants[self->chosen];
  gboolean blinking = self->mode == LIMN_COMPARE_BLINK;

  if (blinking)
    {
      const LimnVariant *shown = self->blinked ? b : a;

      limn_compare_pane_set_texture (pane, texture_of (self, self->blinked ? self->chosen
                                                                           : self->reference));
      limn_compare_pane_set_second (pane, NULL);
      limn_compare_pane_set_title (pane, shown->title, "");
      limn_compare_pane_set_marks (pane, FALSE, !self->blinked);
      return;
    }
  limn_compare_pane_set_texture (pane, texture_of (self, self->reference));
  limn_compare_pane_set_second (pane, texture_of (self, self->chosen));
  limn_compare_pane_set_title (pane, a->title, b->title);
  limn_compare_pane_set_marks (pane, FALSE, TRUE);
}

/* As many columns as make the pictures largest in the room that there is. */
static void
lay_out (LimnCompareView *self)
{
  const LimnVariant *first = &self->variants[0];
  int width = gtk_widget_get_width (self->stack), height = gtk_widget_get_height (self->stack);
  int columns = limn_columns_for (self->n, first->width, first->height, MAX (width, 1),
                                  MAX (height, 1));

  if (columns == self->columns || width < 2 || height < 2)
    return;
  self->columns = columns;
  for (int i = 0; i < self->n; i++)
    {
      g_autoptr (GtkWidget) pane = g_object_ref (self->variants[i].pane);

      gtk_grid_remove (GTK_GRID (self->grid), pane);
      gtk_grid_attach (GTK_GRID (self->grid), pane, i % columns, i / columns, 1, 1);
    }
}

void
limn_compare_view_draw (LimnCompareView *self)
{
  if (!self->n)
    return;
  lay_out (self);
  if (self->mode == LIMN_COMPARE_SPLIT || self->mode == LIMN_COMPARE_BLINK)
    show_single (self);
  else
    show_grid (self);
  show_status (self);
}
