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
  LimnRun *run = i < self->n ? self->variants[i].run : NULL;

  return run ? limn_run_get_texture (run) : NULL;
}

/* Both decoded and of one size. */
static gboolean
dup_pair (LimnCompareView *self, int i, struct fit_frame **a, struct fit_frame **b)
{
  LimnRun *run = self->variants[i].run, *other = self->variants[self->reference].run;

  *a = run ? limn_run_dup_frame (run) : NULL;
  *b = other ? limn_run_dup_frame (other) : NULL;
  if (*a && *b && fit_frame_width (*a) == fit_frame_width (*b) &&
      fit_frame_height (*a) == fit_frame_height (*b))
    return TRUE;
  fit_frame_unref (a);
  fit_frame_unref (b);
  return FALSE;
}

gboolean
limn_compare_view_measure (LimnCompareView *self, int pane, LimnDifference *out)
{
  struct fit_frame *a, *b;

  if (!dup_pair (self, pane, &a, &b))
    return FALSE;
  *out = limn_difference_measure (fit_frame_pixels (a), fit_frame_pixels (b),
                                  (gsize) fit_frame_width (a) * (gsize) fit_frame_height (a));
  fit_frame_unref (&a);
  fit_frame_unref (&b);
  return TRUE;
}

static GdkTexture *
dup_difference (LimnCompareView *self, int i)
{
  struct fit_frame *a, *b;
  double gain = gtk_spin_button_get_value (GTK_SPIN_BUTTON (self->gain));

  if (!dup_pair (self, i, &a, &b))
    return NULL;
  int width = fit_frame_width (a), height = fit_frame_height (a);
  gsize pixels = (gsize) width * (gsize) height;
  guint8 *rgba = g_malloc (4 * pixels);
  limn_difference_draw (rgba, fit_frame_pixels (a), fit_frame_pixels (b), pixels, gain);
  g_autoptr (GBytes) bytes = g_bytes_new_take (rgba, 4 * pixels);
  fit_frame_unref (&a);
  fit_frame_unref (&b);
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
  if (!v->run || limn_run_get_state (v->run) == FIT_JOB_FAILED)
    return g_strdup ("");
  if (self->mode == LIMN_COMPARE_DIFFERENCE && i != self->reference &&
      limn_compare_view_measure (self, i, &d))
    {
      if (isinf (d.psnr_db))
        return g_strdup (_ ("identical"));
      /* Translators: how two pictures differ: mean, largest, peak signal-to-noise ratio */
      return g_strdup_printf (_ ("mean %.1f · max %d · %.1f dB"), d.mean, d.most, d.psnr_db);
    }
  return g_strdup_printf (_ ("step %d of %d"), limn_run_get_shown_step (v->run),
                          limn_run_get_n_steps (v->run));
}

/* What there is in the place of the picture. */
static const char *
get_message (const LimnVariant *v)
{
  if (v->run)
    return limn_run_get_state (v->run) == FIT_JOB_FAILED ? limn_run_get_error (v->run) : "";
  return v->trouble ? v->trouble : "";
}

static void
show_status (LimnCompareView *self)
{
  g_autofree char *text = NULL;
  double t = gtk_range_get_value (GTK_RANGE (self->time));
  int done = 0;

  for (int i = 0; i < self->n; i++)
    done += self->variants[i].run ? !limn_run_is_active (self->variants[i].run)
                                  : !self->variants[i].opening;
  if (done < self->n)
    text = g_strdup_printf (_ ("%d of %d pictures"), done, self->n);
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
      const char *message = get_message (&self->variants[i]);

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
