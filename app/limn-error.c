/* SPDX-License-Identifier: Apache-2.0 */
#include "limn-error.h"

G_DEFINE_QUARK (limn-fit-error-quark, limn_fit_error)

void
limn_propagate_fit_error (GError **error, const struct fit_error *from)
{
  g_set_error_literal (error, limn_fit_error_quark (), (int) from->status, from->message);
}
