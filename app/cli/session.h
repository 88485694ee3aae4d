/* SPDX-License-Identifier: Apache-2.0 */
/* One engine with one model, and a job painted on it while somebody waits at the terminal. */
#ifndef LIMN_CLI_SESSION_H
#define LIMN_CLI_SESSION_H

#include "args.h"

struct session {
    struct fit_engine *engine;
    struct fit_model *model;
    struct fit_model_info info;
};

bool session_open(struct session *session, const struct common *common, struct fit_error *error);
void session_close(struct session *session);

/* From here on the first SIGINT or SIGTERM asks the work to stop; a second one ends the program. */
void stop_watch(void);
bool stop_was_asked(void);

/* Waits until the job has ended, with its progress on stderr when that is a terminal; `label`
 * stands before it ("2/4"). True with the final frame (for the caller to unref) when it is done. */
bool session_wait(struct session *session, struct fit_job *job, const char *label,
                  struct fit_frame **frame, struct fit_error *error);

/* The picture of one finished step of a job that has ended; NULL when it cannot be shown. */
struct fit_frame *session_show(struct session *session, struct fit_job *job, int step,
                               enum fit_view view);

/* The latent [channels][height/8][width/8] of rgb[height][width][3], malloc'ed; NULL on failure. */
float *session_encode(struct session *session, const uint8_t *rgb, int width, int height,
                      struct fit_error *error);

/* Says on stderr what the job is going to paint, and on what. */
void session_announce(const struct session *session, const struct fit_job *job);

/* False with a sentence when nothing could be written at `path` (its folder is not there), so that
 * a long run does not end in vain. */
bool check_output(const char *path, struct fit_error *error);

/* The same for a folder, which may be there or not. */
bool check_folder(const char *path, struct fit_error *error);

/* Makes the folder unless it is there. */
bool make_folder(const char *path, struct fit_error *error);

/* Whether the text ends with that ending, letters in any case. */
bool has_ending(const char *path, const char *ending);

/* Fills an error of the program's own. Always false. */
bool set_error(struct fit_error *error, enum fit_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
