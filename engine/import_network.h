/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_network.h - the network in a checkpoint: which of its tensors are meant, and whether they
 * are those of the configuration.
 */
#ifndef FIT_IMPORT_NETWORK_H
#define FIT_IMPORT_NETWORK_H

#include "fit/fit-import.h"
#include "fit_config.h"
#include "weight_copy.h"

/* Chooses among trained and averaged weights, takes the prefixes of wrappers off the names, checks
 * names, shapes and types, and adds every tensor of the network to the copy in the model's order.
 * The file must stay open while the copy is used. */
bool fit_import_network(struct fit_weight_copy *copy, const struct fit_tensor_list *file,
                        const struct fit_config *config, const struct fit_import_params *params,
                        struct fit_error *error);

/* The preset whose sizes the network in the file has; of several, the first, which was trained at
 * the base resolution. */
bool fit_import_guess(const struct fit_tensor_list *file, const struct fit_import_params *params,
                      struct fit_config *config, struct fit_error *error);

#endif
