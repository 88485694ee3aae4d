/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-settings.h"

#include <math.h>

#include "limn-options.h"

/* The range of the key; a restored picture may go further. */
#define MOST_KEPT_GUIDANCE 20.0

struct _LimnSettings
{
  GObject parent_instance;

  int class_id, n_classes;
  int width, height;
  int token_pixels, largest_side;
  gboolean keep_seed, exact;
  LimnKeep keep;
  double kept_ratio;
  int kept_tokens;
  guint64 seed;
  int steps;
  double guidance;
  int solver, method;
  struct fit_generate_params rare; /* what limn_options_copy copies */
  int axis_tokens;
};

G_DEFINE_FINAL_TYPE (LimnSettings, limn_settings, G_TYPE_OBJECT)

enum
{
  PROP_CLASS_ID = 1,
  PROP_WIDTH,
  PROP_HEIGHT,
  PROP_KEEP,
  PROP_KEEP_SEED,
  PROP_EXACT,
  PROP_SEED,
  PROP_STEPS,
  PROP_GUIDANCE,
  PROP_SOLVER,
  PROP_METHOD,
  PROP_OPTIONS,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

LimnSizeRule
limn_settings_get_rule (LimnSettings *self)
{
  return (LimnSizeRule){ .snap = self->exact ? 1 : self->token_pixels,
                         .largest = self->largest_side,
                         .token = self->token_pixels,
                         .keep = self->keep,
                         .most_tokens = self->kept_tokens };
}

static void
set_int (LimnSettings *self, int *place, int value, int prop)
{
  if (*place == value)
    return;
  *place = value;
  g_object_notify_by_pspec (G_OBJECT (self), properties[prop]);
}

void
limn_settings_set_class_id (LimnSettings *self, int class_id)
{
  g_return_if_fail (LIMN_IS_SETTINGS (self));

  if (class_id >= FIT_CLASS_NONE && class_id < self->n_classes)
    set_int (self, &self->class_id, class_id, PROP_CLASS_ID);
}

void
limn_settings_set_size (LimnSettings *self, int width, int height)
{
  LimnSizeRule sizes = limn_settings_get_rule (self);

  g_return_if_fail (LIMN_IS_SETTINGS (self));

  g_object_freeze_notify (G_OBJECT (self));
  set_int (self, &self->width, limn_geometry_snap (width, &sizes), PROP_WIDTH);
  set_int (self, &self->height, limn_geometry_snap (height, &sizes), PROP_HEIGHT);
  g_object_thaw_notify (G_OBJECT (self));
}

void
limn_settings_set_width (LimnSettings *self, double width)
{
  LimnSizeRule sizes = limn_settings_get_rule (self);
  int wide = limn_geometry_snap (width, &sizes), high = self->height;

  if (self->keep == LIMN_KEEP_RATIO)
    high = limn_geometry_snap (width / self->kept_ratio, &sizes);
  else if (self->keep == LIMN_KEEP_AREA)
    limn_geometry_keep_area (&wide, &high, &sizes);
  limn_settings_set_size (self, wide, high);
}

void
limn_settings_set_height (LimnSettings *self, double height)
{
  LimnSizeRule sizes = limn_settings_get_rule (self);
  int high = limn_geometry_snap (height, &sizes), wide = self->width;

  if (self->keep == LIMN_KEEP_RATIO)
    wide = limn_geometry_snap (height * self->kept_ratio, &sizes);
  else if (self->keep == LIMN_KEEP_AREA)
    limn_geometry_keep_area (&high, &wide, &sizes);
  limn_settings_set_size (self, wide, high);
}

void
limn_settings_keep_present_ratio (LimnSettings *self)
{
  g_return_if_fail (LIMN_IS_SETTINGS (self));

  self->kept_ratio = (double) self->width / self->height;
}

/* Tokens that cover a side. */
static int
cover (LimnSettings *self, int pixels)
{
  return (pixels + self->token_pixels - 1) / self->token_pixels;
}

static void
set_exact (LimnSettings *self, gboolean exact)
{
  if (self->exact == exact)
    return;
  self->exact = exact;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_EXACT]);
  limn_settings_set_size (self, self->width, self->height);
}

static void
set_keep (LimnSettings *self, LimnKeep keep)
{
  if (self->keep == keep)
    return;
  self->keep = keep;
  self->kept_tokens = cover (self, self->width) * cover (self, self->height);
  limn_settings_keep_present_ratio (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_KEEP]);
}

void
limn_settings_set_seed (LimnSettings *self, guint64 seed)
{
  g_return_if_fail (LIMN_IS_SETTINGS (self));

  if (self->seed == seed)
    return;
  self->seed = seed;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_SEED]);
}

void
limn_settings_roll_seed (LimnSettings *self)
{
  /* Short enough to be read out loud. */
  limn_settings_set_seed (self, (guint64) g_random_int_range (0, 1000000));
}

static void
limn_settings_set_property (GObject *object, guint id, const GValue *value, GParamSpec *pspec)
{
  LimnSettings *self = LIMN_SETTINGS (object);

  switch (id)
    {
    case PROP_CLASS_ID:
      limn_settings_set_class_id (self, g_value_get_int (value));
      break;
    case PROP_WIDTH:
      limn_settings_set_width (self, g_value_get_int (value));
      break;
    case PROP_HEIGHT:
      limn_settings_set_height (self, g_value_get_int (value));
      break;
    case PROP_KEEP:
      set_keep (self, (LimnKeep) g_value_get_int (value));
      break;
    case PROP_KEEP_SEED:
      self->keep_seed = g_value_get_boolean (value);
      g_object_notify_by_pspec (object, pspec);
      break;
    case PROP_EXACT:
      set_exact (self, g_value_get_boolean (value));
      break;
    case PROP_SEED:
      limn_settings_set_seed (self, g_value_get_uint64 (value));
      break;
    case PROP_STEPS:
      set_int (self, &self->steps, g_value_get_int (value), PROP_STEPS);
      break;
    case PROP_GUIDANCE:
      if (self->guidance != g_value_get_double (value))
        {
          self->guidance = g_value_get_double (value);
          g_object_notify_by_pspec (object, pspec);
        }
      break;
    case PROP_SOLVER:
      set_int (self, &self->solver, g_value_get_int (value), PROP_SOLVER);
      break;
    case PROP_METHOD:
      set_int (self, &self->method, g_value_get_int (value), PROP_METHOD);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
limn_settings_get_property (GObject *object, guint id, GValue *value, GParamSpec *pspec)
{
  LimnSettings *self = LIMN_SETTINGS (object);

  switch (id)
    {
    case PROP_CLASS_ID:
      g_value_set_int (value, self->class_id);
      break;
    case PROP_WIDTH:
      g_value_set_int (value, self->width);
      break;
    case PROP_HEIGHT:
      g_value_set_int (value, self->height);
      break;
    case PROP_KEEP:
      g_value_set_int (value, (int) self->keep);
      break;
    case PROP_KEEP_SEED:
      g_value_set_boolean (value, self->keep_seed);
      break;
    case PROP_EXACT:
      g_value_set_boolean (value, self->exact);
      break;
    case PROP_SEED:
      g_value_set_uint64 (value, self->seed);
      break;
    case PROP_STEPS:
      g_value_set_int (value, self->steps);
      break;
    case PROP_GUIDANCE:
      g_value_set_double (value, self->guidance);
      break;
    case PROP_SOLVER:
      g_value_set_int (value, self->solver);
      break;
    case PROP_METHOD:
      g_value_set_int (value, self->method);
      break;
    case PROP_OPTIONS:
      g_value_take_string (value, limn_settings_dup_options (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static GParamSpec *
int_property (const char *name, int least, int most, int initial)
{
  return g_param_spec_int (name, NULL, NULL, least, most, initial,
                           G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS);
}

static void
limn_settings_class_init (LimnSettingsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GParamFlags flags = G_PARAM_READWRITE | G_PARAM_EXPLICIT_NOTIFY | G_PARAM_STATIC_STRINGS;

  object_class->set_property = limn_settings_set_property;
  object_class->get_property = limn_settings_get_property;

  properties[PROP_CLASS_ID] = int_property ("class-id", FIT_CLASS_NONE, G_MAXINT, 0);
  properties[PROP_WIDTH] = int_property ("width", 1, G_MAXINT, 128);
  properties[PROP_HEIGHT] = int_property ("height", 1, G_MAXINT, 128);
  properties[PROP_KEEP] = int_property ("keep", LIMN_KEEP_NOTHING, LIMN_KEEP_AREA, 0);
  properties[PROP_KEEP_SEED] = g_param_spec_boolean ("keep-seed", NULL, NULL, FALSE, flags);
  properties[PROP_EXACT] = g_param_spec_boolean ("exact", NULL, NULL, FALSE, flags);
  properties[PROP_SEED] = g_param_spec_uint64 ("seed", NULL, NULL, 0, G_MAXUINT64, 0, flags);
  properties[PROP_STEPS] = int_property ("steps", 1, 1000, 20);
  properties[PROP_GUIDANCE] = g_param_spec_double ("guidance", NULL, NULL, 1, 30, 2.5, flags);
  properties[PROP_SOLVER] = int_property ("solver", 0, FIT_N_SOLVERS - 1, FIT_SOLVER_EULER);
  properties[PROP_METHOD] = int_property ("method", 0, FIT_N_METHODS - 1, FIT_METHOD_AUTO);
  properties[PROP_OPTIONS] = g_param_spec_string (
      "options", NULL, NULL, "", G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
limn_settings_init (LimnSettings *self)
{
  self->n_classes = 1;
  self->width = self->height = 128;
  self->kept_ratio = 1;
  self->token_pixels = 16;
  self->largest_side = 4096;
  self->steps = 20;
  self->guidance = 2.5;
  self->solver = FIT_SOLVER_EULER;
  self->method = FIT_METHOD_AUTO;
}

LimnSettings *
limn_settings_new (void)
{
  return g_object_new (LIMN_TYPE_SETTINGS, NULL);
}

static gboolean
was_chosen (GSettings *from, const char *key)
{
  g_autoptr (GVariant) value = g_settings_get_user_value (from, key);

  return value != NULL;
}

void
limn_settings_restore (LimnSettings *self, GSettings *from, const struct fit_model_info *info)
{
  g_autofree char *solver_name = g_settings_get_string (from, "solver");
  g_autofree char *method_name = g_settings_get_string (from, "method");
  enum fit_solver solver = info->default_solver;
  enum fit_method method = FIT_METHOD_AUTO;
  int class_id = g_settings_get_int (from, "last-class-id");
  gboolean sized = was_chosen (from, "canvas-width") && was_chosen (from, "canvas-height");

  if (was_chosen (from, "solver"))
    fit_solver_parse (solver_name, &solver);
  fit_method_parse (method_name, &method);

  self->n_classes = info->n_classes;
  self->axis_tokens = info->axis_tokens;
  limn_settings_set_options (self, NULL);
  self->token_pixels = info->token_pixels;
  self->largest_side = info->max_axis_pixels;
  g_object_freeze_notify (G_OBJECT (self));
  set_exact (self, g_settings_get_boolean (from, "exact-size"));
  limn_settings_set_class_id (self, class_id < info->n_classes ? class_id : 0);
  limn_settings_set_size (
      self, sized ? g_settings_get_int (from, "canvas-width") : info->default_width,
      sized ? g_settings_get_int (from, "canvas-height") : info->default_height);
  g_object_set (
      self,
      "steps", was_chosen (from, "steps") ? g_settings_get_int (from, "steps") : info->default_steps,
      "guidance", was_chosen (from, "guidance") ? g_settings_get_double (from, "guidance")
                                                : info->default_guidance,
      "solver", (int) solver,
      "method", (int) method,
      NULL);
  g_object_thaw_notify (G_OBJECT (self));
}

void
limn_settings_store (LimnSettings *self, GSettings *to)
{
  g_settings_set_int (to, "last-class-id", self->class_id);
  g_settings_set_boolean (to, "exact-size", self->exact);
  g_settings_set_int (to, "canvas-width", self->width);
  g_settings_set_int (to, "canvas-height", self->height);
  g_settings_set_int (to, "steps", self->steps);
  g_settings_set_double (to, "guidance", MIN (self->guidance, MOST_KEPT_GUIDANCE));
  g_settings_set_string (to, "solver", fit_solver_name ((enum fit_solver) self->solver));
  g_settings_set_string (to, "method", fit_method_name ((enum fit_method) self->method));
}

int
limn_settings_get_class_id (LimnSettings *self)
{
  return self->class_id;
}

int
limn_settings_get_width (LimnSettings *self)
{
  return self->width;
}

int
limn_settings_get_height (LimnSettings *self)
{
  return self->height;
}

guint64
limn_settings_get_seed (LimnSettings *self)
{
  return self->seed;
}

LimnKeep
limn_settings_get_keep (LimnSettings *self)
{
  return self->keep;
}

int
limn_settings_get_kept_tokens (LimnSettings *self)
{
  return self->keep == LIMN_KEEP_AREA ? self->kept_tokens : 0;
}

gboolean
limn_settings_get_keep_seed (LimnSettings *self)
{
  return self->keep_seed;
}

enum fit_method
limn_settings_get_method (LimnSettings *self)
{
  return (enum fit_method) self->method;
}

enum fit_solver
limn_settings_get_solver (LimnSettings *self)
{
  return (enum fit_solver) self->solver;
}

int
limn_settings_get_token_pixels (LimnSettings *self)
{
  return self->token_pixels;
}

int
limn_settings_get_largest_side (LimnSettings *self)
{
  return self->largest_side;
}

void
limn_settings_to_params (LimnSettings *self, struct fit_generate_params *params)
{
  *params = (struct fit_generate_params){
    .class_id = self->class_id,
    .width = self->token_pixels * cover (self, self->width),
    .height = self->token_pixels * cover (self, self->height),
    .crop_width = self->width,
    .crop_height = self->height,
    .seed = self->seed,
    .steps = self->steps,
    .solver = (enum fit_solver) self->solver,
    .guidance = self->guidance,
    .method = (enum fit_method) self->method,
  };
  limn_options_copy (params, &self->rare);
}

char *
limn_settings_dup_options (LimnSettings *self)
{
  struct fit_generate_params params;

  limn_settings_to_params (self, &params);
  return limn_options_dup_text (&params, self->axis_tokens);
}

void
limn_settings_get_shown_size (const struct fit_generate_params *params, int *width, int *height)
{
  gboolean cropped = params->crop_width > 0;

  *width = cropped ? params->crop_width : params->width;
  *height = cropped ? params->crop_height : params->height;
}

gboolean
limn_settings_can_hold (LimnSettings *self, const struct fit_generate_params *p)
{
  int width, height;

  limn_settings_get_shown_size (p, &width, &height);
  return p->width == self->token_pixels * cover (self, width) &&
         p->height == self->token_pixels * cover (self, height);
}

void
limn_settings_set_options (LimnSettings *self, const struct fit_generate_params *from)
{
  g_return_if_fail (LIMN_IS_SETTINGS (self));

  self->rare = (struct fit_generate_params){ 0 };
  if (from)
    limn_options_copy (&self->rare, from);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_OPTIONS]);
}

void
limn_settings_apply_params (LimnSettings *self, const struct fit_generate_params *params)
{
  int width, height;

  limn_settings_get_shown_size (params, &width, &height);
  g_object_freeze_notify (G_OBJECT (self));
  limn_settings_set_class_id (self, params->class_id);
  if (width % self->token_pixels || height % self->token_pixels)
    set_exact (self, TRUE);
  if (width > 0 && height > 0)
    limn_settings_set_size (self, width, height);
  limn_settings_set_seed (self, params->seed);
  g_object_set (self,
                "steps", CLAMP (params->steps, 1, 1000),
                "guidance", CLAMP (params->guidance, 1.0, 30.0),
                "solver", CLAMP ((int) params->solver, 0, FIT_N_SOLVERS - 1),
                "method", CLAMP ((int) params->method, 0, FIT_N_METHODS - 1),
                NULL);
  limn_settings_set_options (self, params);
  g_object_thaw_notify (G_OBJECT (self));
}

gboolean
limn_settings_match (LimnSettings *self, const struct fit_generate_params *params,
                     enum fit_method method)
{
  enum fit_method wanted = self->method == FIT_METHOD_AUTO ? method
                                                           : (enum fit_method) self->method;
  gboolean guided = self->class_id != FIT_CLASS_NONE;
  g_autofree char *here = limn_settings_dup_options (self);
  g_autofree char *there = limn_options_dup_text (params, self->axis_tokens);
  int width, height;

  limn_settings_get_shown_size (params, &width, &height);
  return !params->from && params->class_id == self->class_id && width == self->width &&
         height == self->height && limn_settings_can_hold (self, params) &&
         params->seed == self->seed && params->steps == self->steps && g_str_equal (here, there) &&
         (int) params->solver == self->solver && params->method == wanted &&
         (!guided || fabs (params->guidance - self->guidance) < 1e-9);
}
