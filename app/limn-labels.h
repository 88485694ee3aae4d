/* SPDX-License-Identifier: Apache-2.0 */
/* limn-labels.h - names for people of what the engine knows by number; static strings. */
#pragma once

#include <fit/fit.h>
#include <glib.h>

G_BEGIN_DECLS

const char *limn_method_label (enum fit_method method);
const char *limn_solver_label (enum fit_solver solver);

G_END_DECLS
