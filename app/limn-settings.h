/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-settings.h - what the next picture shall be.
 *
 * The one place that holds it: the panels, the canvas and the actions set its properties and
 * follow its notifications. Sizes are kept within the model's rule once it is known.
 */
#pragma once

#include <fit/fit.h>
#include <gio/gio.h>

#include "limn-geometry.h"

G_BEGIN_DECLS

#define LIMN_TYPE_SETTINGS (limn_settings_get_type ())
G_DECLARE_FINAL_TYPE (LimnSettings, limn_settings, LIMN, SETTINGS, GObject)

LimnSettings *limn_settings_new (void);

/* The values of the last session where they are still possible, the model's own elsewhere. */
void limn_settings_restore (LimnSettings *self, GSettings *from, const struct fit_model_info *info);
void limn_settings_store (LimnSettings *self, GSettings *to);

int limn_settings_get_class_id (LimnSettings *self);
int limn_settings_get_width (LimnSettings *self);
int limn_settings_get_height (LimnSettings *self);
guint64 limn_settings_get_seed (LimnSettings *self);

/* What stays while one side changes: the ratio or the area of the moment in which that was
 * chosen. */
LimnKeep limn_settings_get_keep (LimnSettings *self);

/* The tokens that the area may have while it is kept, otherwise 0. */
int limn_settings_get_kept_tokens (LimnSettings *self);

/* A ratio that is kept is the present one from now on. */
void limn_settings_keep_present_ratio (LimnSettings *self);

/* Whether painting the same settings once more repeats the picture instead of varying it. */
gboolean limn_settings_get_keep_seed (LimnSettings *self);
enum fit_method limn_settings_get_method (LimnSettings *self);
enum fit_solver limn_settings_get_solver (LimnSettings *self);

void limn_settings_set_class_id (LimnSettings *self, int class_id);

/* Both sides at once, rounded to what the model can paint; with the property "exact" any whole
 * number of pixels, which is painted in the next possible size and cropped. */
void limn_settings_set_size (LimnSettings *self, int width, int height);

/* One side; the other follows while the ratio or the area is kept. */
void limn_settings_set_width (LimnSettings *self, double width);
void limn_settings_set_height (LimnSettings *self, double height);

void limn_settings_set_seed (LimnSettings *self, guint64 seed);
void limn_settings_roll_seed (LimnSettings *self);

/* What sides may be at present. */
LimnSizeRule limn_settings_get_rule (LimnSettings *self);

/* Smallest step and largest length of a side. */
int limn_settings_get_token_pixels (LimnSettings *self);
int limn_settings_get_largest_side (LimnSettings *self);

void limn_settings_to_params (LimnSettings *self, struct fit_generate_params *params);

/* What a picture of these parameters measures: its crop, where it has one. */
void limn_settings_get_shown_size (const struct fit_generate_params *params, int *width,
                                   int *height);

/* Whether the size of `params` is one that the window sets: the command line can crop more. */
gboolean limn_settings_can_hold (LimnSettings *self, const struct fit_generate_params *params);

/* What a restored picture brought beyond what is set here, as limn_options_dup_text. */
char *limn_settings_dup_options (LimnSettings *self);

/* Takes that over from other parameters; NULL: none. */
void limn_settings_set_options (LimnSettings *self, const struct fit_generate_params *from);

/* Takes over what another picture was made with, as far as the model allows. */
void limn_settings_apply_params (LimnSettings *self, const struct fit_generate_params *params);

/* Whether a picture of these parameters is what the settings ask for; one that went on from another
 * run never is. `params` has its defaults
 * filled in; `method` is what automatic means for the size of the settings. */
gboolean limn_settings_match (LimnSettings *self, const struct fit_generate_params *params,
                              enum fit_method method);

G_END_DECLS
