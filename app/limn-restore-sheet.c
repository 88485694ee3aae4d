/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-restore-sheet.h"

#include <glib/gi18n.h>
#include <math.h>

#include "limn-labels.h"
#include "limn-options.h"

#define N_PARTS 8

struct _LimnRestoreSheet
{
  AdwWindow parent_instance;

  LimnSession *session;
  LimnSettings *settings;
  struct fit_generate_params now, then;
  GtkCheckButton *checks[N_PARTS]; /* NULL: not offered; the list's */

  GtkWidget *list, *same, *notes, *verify, *apply, *generate;
};

G_DEFINE_FINAL_TYPE (LimnRestoreSheet, limn_restore_sheet, ADW_TYPE_WINDOW)

static guint chosen_signal;

/* ---- words ---- */

static const char *
part_title (LimnRestoreParts part)
{
  switch (part)
    {
    case LIMN_RESTORE_CLASS:
      return _ ("Class");
    case LIMN_RESTORE_SHAPE:
      return _ ("Shape");
    case LIMN_RESTORE_SEED:
      return _ ("Seed");
    case LIMN_RESTORE_STEPS:
      return _ ("Steps");
    case LIMN_RESTORE_GUIDANCE:
      return _ ("Guidance");
    case LIMN_RESTORE_SOLVER:
      return _ ("Solver");
    case LIMN_RESTORE_METHOD:
      return _ ("Position Method");
    case LIMN_RESTORE_OPTIONS:
    case LIMN_RESTORE_ALL:
    default:
      return _ ("Options of the Command Line");
    }
}

static char *
dup_options (LimnRestoreSheet *self, const struct fit_generate_params *p)
{
  const struct fit_model_info *info = limn_session_get_info (self->session);
  g_autofree char *text = limn_options_dup_text (p, info ? info->axis_tokens : 0);

  return *text ? g_steal_pointer (&text) : g_strdup (_ ("none"));
}

static char *
dup_value (LimnRestoreSheet *self, LimnRestoreParts part, const struct fit_generate_params *p)
{
  int width, height;

  switch (part)
    {
    case LIMN_RESTORE_CLASS:
      return g_strdup (limn_session_get_class_name (self->session, p->class_id));
    case LIMN_RESTORE_SHAPE:
      limn_settings_get_shown_size (p, &width, &height);
      return g_strdup_printf ("%d × %d", width, height);
    case LIMN_RESTORE_SEED:
      return g_strdup_printf ("%" G_GUINT64_FORMAT, p->seed);
    case LIMN_RESTORE_STEPS:
      return g_strdup_printf ("%d", p->steps);
    case LIMN_RESTORE_GUIDANCE:
      return g_strdup_printf ("%g", p->guidance);
    case LIMN_RESTORE_SOLVER:
      return g_strdup (limn_solver_label (p->solver));
    case LIMN_RESTORE_METHOD:
      return g_strdup (limn_method_label (p->method));
    case LIMN_RESTORE_OPTIONS:
    case LIMN_RESTORE_ALL:
    default:
      return dup_options (self, p);
    }
}

/* ---- rows ---- */

static void
add_row (LimnRestoreSheet *self, int i, const char *now, const char *then)
{
  LimnRestoreParts part = 1 << i;
  GtkWidget *row = adw_action_row_new (), *check = gtk_check_button_new ();
  /* Translators: a setting now, and that of the picture */
  g_autofree char *change = g_strdup_printf (_ ("%s → %s"), now, then);
  g_autofree char *escaped = g_markup_escape_text (change, -1);

  adw_preferences_row_set_title (ADW_PREFERENCES_ROW (row), part_title (part));
  adw_action_row_set_subtitle (ADW_ACTION_ROW (row), escaped);
  gtk_check_button_set_active (GTK_CHECK_BUTTON (check), TRUE);
  gtk_widget_set_valign (check, GTK_ALIGN_CENTER);
  adw_action_row_add_prefix (ADW_ACTION_ROW (row), check);
  adw_action_row_set_activatable_widget (ADW_ACTION_ROW (row), check);
  gtk_list_box_append (GTK_LIST_BOX (self->list), row);
  self->checks[i] = GTK_CHECK_BUTTON (check);
}

static void
add_rows (LimnRestoreSheet *self, LimnRestoreParts said)
{
  for (int i = 0; i < N_PARTS; i++)
    if (said & (1 << i))
      {
        g_autofree char *now = dup_value (self, 1 << i, &self->now);
        g_autofree char *then = dup_value (self, 1 << i, &self->then);

        if (*then && !g_str_equal (now, then))
          add_row (self, i, now, then);
      }
  gtk_widget_set_visible (self->list, limn_restore_sheet_get_offered (self) != 0);
  gtk_widget_set_visible (self->same, limn_restore_sheet_get_offered (self) == 0);
  gtk_widget_set_sensitive (self->apply, limn_restore_sheet_get_offered (self) != 0);
}

LimnRestoreParts
limn_restore_sheet_get_offered (LimnRestoreSheet *self)
{
  LimnRestoreParts parts = 0;

  for (int i = 0; i < N_PARTS; i++)
    if (self->checks[i])
      parts |= 1 << i;
  return parts;
}

LimnRestoreParts
limn_restore_sheet_get_checked (LimnRestoreSheet *self)
{
  LimnRestoreParts parts = 0;

  for (int i = 0; i < N_PARTS; i++)
    if (self->checks[i] && gtk_check_button_get_active (self->checks[i]))
      parts |= 1 << i;
  return parts;
}

void
limn_restore_sheet_set_checked (LimnRestoreSheet *self, LimnRestoreParts parts)
{
  for (int i = 0; i < N_PARTS; i++)
    if (self->checks[i])
      gtk_check_button_set_active (self->checks[i], (parts & (1 << i)) != 0);
}

/* ---- deciding ---- */

static void
apply_checked (LimnRestoreSheet *self)
{
  LimnRestoreParts checked = limn_restore_sheet_get_checked (self);
  struct fit_generate_params *now = &self->now, *then = &self->then;

  if (checked & LIMN_RESTORE_CLASS)
    now->class_id = then->class_id;
  if (checked & LIMN_RESTORE_SHAPE)
    {
      now->width = then->width;
      now->height = then->height;
      now->crop_width = then->crop_width;
      now->crop_height = then->crop_height;
    }
  if (checked & LIMN_RESTORE_SEED)
    now->seed = then->seed;
  if (checked & LIMN_RESTORE_STEPS)
    now->steps = then->steps;
  if (checked & LIMN_RESTORE_GUIDANCE)
    now->guidance = then->guidance;
  if (checked & LIMN_RESTORE_SOLVER)
    now->solver = then->solver;
  if (checked & LIMN_RESTORE_METHOD)
    now->method = then->method;
  if (checked & LIMN_RESTORE_OPTIONS)
    limn_options_copy (now, then);
  limn_settings_apply_params (self->settings, now);
}

void
limn_restore_sheet_choose (LimnRestoreSheet *self, LimnRestoreChoice choice)
{
  g_return_if_fail (LIMN_IS_RESTORE_SHEET (self));

  g_object_ref (self);
  if (choice != LIMN_RESTORE_VERIFY)
    apply_checked (self);
  g_signal_emit (self, chosen_signal, 0, (int) choice);
  gtk_window_destroy (GTK_WINDOW (self));
  g_object_unref (self);
}

static void
apply_cb (LimnRestoreSheet *self)
{
  limn_restore_sheet_choose (self, LIMN_RESTORE_APPLY);
}

static void
generate_cb (LimnRestoreSheet *self)
{
  limn_restore_sheet_choose (self, LIMN_RESTORE_GENERATE);
}

static void
verify_cb (LimnRestoreSheet *self)
{
  limn_restore_sheet_choose (self, LIMN_RESTORE_VERIFY);
}

/* ---- object ---- */

static void
limn_restore_sheet_dispose (GObject *object)
{
  LimnRestoreSheet *self = LIMN_RESTORE_SHEET (object);

  g_clear_object (&self->session);
  g_clear_object (&self->settings);
  G_OBJECT_CLASS (limn_restore_sheet_parent_class)->dispose (object);
}

#define BIND(child) gtk_widget_class_bind_template_child (widget_class, LimnRestoreSheet, child)

static void
limn_restore_sheet_class_init (LimnRestoreSheetClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = limn_restore_sheet_dispose;
  chosen_signal = g_signal_new ("chosen", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL,
                                NULL, NULL, G_TYPE_NONE, 1, G_TYPE_INT);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/limn/Limn/limn-restore-sheet.ui");
  BIND (list);
  BIND (same);
  BIND (notes);
  BIND (verify);
  BIND (apply);
  BIND (generate);
  gtk_widget_class_bind_template_callback (widget_class, apply_cb);
  gtk_widget_class_bind_template_callback (widget_class, generate_cb);
  gtk_widget_class_bind_template_callback (widget_class, verify_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_Escape, 0, "window.close", NULL);
}

static void
limn_restore_sheet_init (LimnRestoreSheet *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

LimnRestoreSheet *
limn_restore_sheet_new (GtkWindow *parent, LimnSession *session, LimnSettings *settings,
                        const LimnRestore *restore)
{
  LimnRestoreSheet *self = g_object_new (LIMN_TYPE_RESTORE_SHEET, "transient-for", parent, NULL);

  self->session = g_object_ref (session);
  self->settings = g_object_ref (settings);
  limn_settings_to_params (settings, &self->now);
  self->then = restore->params;
  add_rows (self, restore->said);
  gtk_label_set_text (GTK_LABEL (self->notes), restore->notes);
  gtk_widget_set_visible (self->notes, *restore->notes != '\0');
  gtk_widget_set_visible (self->verify, restore->can_verify);
  return self;
}
