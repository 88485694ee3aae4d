/* SPDX-License-Identifier: Apache-2.0 */
/* limn-options.h - the settings of a picture that the window has no control for. A restored picture
 * may bring them; they are kept, shown and written as the command line spells them. */
#pragma once

#include <fit/fit.h>
#include <glib.h>

G_BEGIN_DECLS

/* Those that are not as usual and count with the solver, such as "--time-shift 3 --index 1", or "".
 * `axis_tokens` is what the model was trained with, as in struct fit_model_info. */
char *limn_options_dup_text (const struct fit_generate_params *params, int axis_tokens);

/* Takes them over, and nothing else. */
void limn_options_copy (struct fit_generate_params *to, const struct fit_generate_params *from);

G_END_DECLS
