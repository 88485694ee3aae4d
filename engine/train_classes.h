/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train_classes.h - the classes of a run, as its data have them.
 *
 *   scenes    the scenes'
 *   pictures  classes.txt in the folder (labels.h) where there is one; every class has the subfolder
 *             named by its code or else by its name. Otherwise every subfolder is a class of its
 *             name, in the order of strcmp.
 *   latents   model.n_classes of them, named by classes.txt in the folder or by their number
 */
#ifndef FIT_TRAIN_CLASSES_H
#define FIT_TRAIN_CLASSES_H

#include "labels.h"
#include "train_config.h"

/* Reads the classes; fills in model.n_classes where the configuration leaves it open (0) and fails
 * where it says another number, with both. fit_labels_finish. */
bool train_classes_read(struct fit_labels *classes, struct train_config *config,
                        struct fit_error *e);

/* The subfolder of a class. */
const char *train_class_folder(const struct fit_label *label);

/* Fails, with both numbers, when the weights that a run is to start from are of another number of
 * classes. */
bool train_classes_check_start(const struct train_config *config, struct fit_error *e);

#endif
