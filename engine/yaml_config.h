/* SPDX-License-Identifier: Apache-2.0 */
/*
 * yaml_config.h - the reference implementation's configuration files.
 *
 * Of such a file only the network's parameters matter here: diffusion.network_config.params
 * (also network_config.params, or params alone). Keys that describe something this version computes
 * one way only are checked; keys of the training are skipped; unknown ones are reported.
 */
#ifndef FIT_YAML_CONFIG_H
#define FIT_YAML_CONFIG_H

#include "fit_config.h"

/* Fills `config` from the file. `note` (may be NULL) is told of keys that were ignored. Failures
 * name file, field, expected and found. */
bool fit_config_read_yaml(struct fit_config *config, const char *path,
                          void (*note)(void *data, const char *sentence), void *note_data,
                          struct fit_error *error);

#endif
