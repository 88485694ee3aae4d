/* SPDX-License-Identifier: Apache-2.0 */
#ifndef LIMN_CLI_FIT_TRAIN_H
#define LIMN_CLI_FIT_TRAIN_H

/* Runs `limn-cli train`; argv[0] is "train". Returns the program's exit status. */
int limn_cli_train (int argc, char **argv);

#endif
