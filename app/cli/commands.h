/* SPDX-License-Identifier: Apache-2.0 */
/* The commands; each file beside this one has what its name says. */
#ifndef LIMN_CLI_COMMANDS_H
#define LIMN_CLI_COMMANDS_H

#include "args.h"

extern const struct command command_generate, command_velocity, command_decode, command_encode,
    command_compare, command_info, command_verify, command_classes, command_import,
    command_render, command_bench, command_sample, command_loss,
    command_likelihood, command_distance;

#endif
