/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli train: one training run in the foreground, stopped by Ctrl+C without losing a step. */
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache.h"
#include "curves.h"
#include "fit-train.h"
#include "fit/fit-train.h"

enum { CURVES_SECONDS = 30 };

static struct fit_trainer *running; /* read by the signal handler */

static void
on_signal (int number)
{
  (void) number;
  if (running)
    fit_trainer_stop (running);
}

static void
usage (FILE *to)
{
  fputs ("Usage: limn-cli train CONFIG.yaml [options]\n"
         "Trains a model as the configuration says.\n\n"
         "  --out DIR         run folder (default: run)\n"
         "  --resume          continue from the newest checkpoint in the run folder\n"
         "  --max-steps N     stop after N steps of this call\n"
         "  --dry-run         say what the run would be and the memory it takes; status 3 when\n"
         "                    that is more than is free\n"
         "  --threads N       processor threads\n"
         "  --backend NAME    auto, cpu, reference or cuda\n"
         "  --help            show this text\n\n"
         "Ctrl+C finishes the step, saves a checkpoint and ends with status 130.\n",
         to);
}

/* What the callbacks see. */
struct session
{
  bool on_terminal;
  const char *folder;
  double curves_at; /* seconds of the run, of the next picture of the curves */
};

struct options
{
  struct fit_train_params params;
  int64_t max_steps;
  bool dry_run;
  bool help;
};

static bool
parse_count (const char *text,
             int64_t     limit,
             int64_t    *out)
{
  char *end;

  *out = strtoll (text, &end, 10);
  return end != text && !*end && *out >= 1 && *out <= limit;
}

static bool
parse (struct options *options,
       int             argc,
       char          **argv)
{
  static const struct option names[] = {
    { "out", required_argument, NULL, 'o' },
    { "resume", no_argument, NULL, 'r' },
    { "dry-run", no_argument, NULL, 'd' },
    { "max-steps", required_argument, NULL, 'm' },
    { "threads", required_argument, NULL, 't' },
    { "backend", required_argument, NULL, 'b' },
    { "help", no_argument, NULL, 'h' },
    { 0 }
  };
  int64_t count;

  *options = (struct options) { .params.folder = "run" };
  optind = 1;
  for (int c; (c = getopt_long (argc, argv, "o:h", names, NULL)) != -1;)
    {
      switch (c)
        {
        case 'o':
          options->params.folder = optarg;
          break;
        case 'r':
          options->params.resume = true;
          break;
        case 'd':
          options->dry_run = true;
          break;
        case 'm':
          if (!parse_count (optarg, INT64_MAX, &options->max_steps))
            {
              fprintf (stderr, "limn-cli train: --max-steps is 1 or more, not %s\n", optarg);
              return false;
            }
          break;
        case 't':
          if (!parse_count (optarg, 1024, &count))
            {
              fprintf (stderr, "limn-cli train: --threads is 1 to 1024, not %s\n", optarg);
              return false;
            }
          options->params.n_threads = (int) count;
          break;
        case 'b':
          options->params.backend = optarg;
          break;
        case 'h':
          options->help = true;
          return true;
        default:
          return false;
        }
    }
  if (optind + 1 != argc)
    {
      fputs ("limn-cli train: exactly one configuration file is needed\n", stderr);
      return false;
    }
  options->params.config = argv[optind];
  return true;
}

/* A picture that cannot be written stops no run. */
static void
draw_curves (const struct session *session)
{
  struct fit_error error = { 0 };

  if (!curves_write (session->folder, &error))
    fprintf (stderr, "%slimn-cli train: note: %s\n", session->on_terminal ? "\r\033[K" : "",
             error.message);
}

static void
show_progress (void                          *user,
               const struct fit_train_report *report)
{
  struct session *session = user;
  const bool on_terminal = session->on_terminal;
  int left = (int) report->remaining_s;

  if (report->elapsed_s >= session->curves_at)
    {
      draw_curves (session);
      session->curves_at = report->elapsed_s + CURVES_SECONDS;
    }

  if (!isnan (report->validation_loss))
    printf ("%sstep %" PRId64 ": validation loss %.4f\n", on_terminal ? "\r\033[K" : "",
            report->step, report->validation_loss);
  if (!on_terminal && report->step % 50 != 0)
    return;
  printf ("%sstep %" PRId64 "/%" PRId64 "  loss %.4f (%.4f)  norm %.2f  rate %.2g  "
          "%.1f images/s  %d pictures  %d:%02d:%02d left%s",
          on_terminal ? "\r\033[K" : "", report->step, report->steps, report->smooth_loss,
          report->loss, report->gradient_norm, report->learning_rate, report->images_per_second,
          report->pictures, left / 3600, left / 60 % 60, left % 60, on_terminal ? "" : "\n");
  fflush (stdout);
}

/* Sentences go below what a progress line has written. */
static void
tell (void       *user,
      const char *sentence)
{
  const struct session *session = user;

  fprintf (stderr, "%slimn-cli train: note: %s\n", session->on_terminal ? "\r\033[K" : "",
           sentence);
}

static void
show_preparing (void *user,
                int   ready,
                int   wanted)
{
  const struct session *session = user;

  if (!session->on_terminal)
    return;
  printf ("\r\033[K%d of %d pictures ready", ready, wanted);
  if (ready >= wanted)
    fputs ("\r\033[K", stdout);
  fflush (stdout);
}

static void
count_skipped (const struct fit_trainer *trainer)
{
  int n = fit_trainer_skipped (trainer);

  if (n > 0)
    fprintf (stderr, "limn-cli train: note: %d picture%s left out\n", n, n == 1 ? " was" : "s were");
}

static int
exit_status (enum fit_status status)
{
  switch (status)
    {
    case FIT_OK:
      return 0;
    case FIT_ERROR_ARGUMENT:
      return 1;
    case FIT_ERROR_MEMORY:
      return 3;
    case FIT_ERROR_CANCELLED:
      return 130;
    default:
      return 2;
    }
}

static int
forecast_run (const struct fit_train_params *params)
{
  const double mib = 1048576;
  struct fit_train_forecast f;
  struct fit_error error = { 0 };

  if (!fit_train_forecast (&f, params, &error))
    {
      fprintf (stderr, "limn-cli train: %s\n", error.message);
      return exit_status (error.status);
    }
  printf ("%.2f M parameters, %d classes, %d pictures, %s\n", (double) f.parameters * 1e-6,
          f.classes, f.pictures, f.bf16 ? "bf16" : "f32");
  printf ("a step takes %.0f MiB: %.0f for parameters and optimiser, %.0f for activations, "
          "%.0f for batches, %.0f for the program\n",
          (double) f.step_bytes / mib, (double) f.state_bytes / mib,
          (double) f.activation_bytes / mib, (double) f.batch_bytes / mib,
          (double) f.program_bytes / mib);
  printf ("saving takes %.0f MiB more; %.0f MiB are free%s\n", (double) f.checkpoint_bytes / mib,
          (double) f.free_bytes / mib, f.fits ? "" : ": too little");
  return f.fits ? 0 : exit_status (FIT_ERROR_MEMORY);
}

static void
catch_signals (void)
{
  struct sigaction action = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

  sigemptyset (&action.sa_mask);
  sigaction (SIGINT, &action, NULL);
  sigaction (SIGTERM, &action, NULL);
}

int
limn_cli_train (int    argc,
                char **argv)
{
  struct options options;
  char cache[CACHE_PATH_BYTES];
  struct fit_error error = { 0 };
  struct fit_trainer *trainer = NULL;
  struct session session = { .on_terminal = isatty (STDOUT_FILENO), .curves_at = CURVES_SECONDS };
  bool ok;

  if (!parse (&options, argc, argv))
    {
      usage (stderr);
      return 1;
    }
  if (options.help)
    {
      usage (stdout);
      return 0;
    }
  session.folder = options.params.folder;
  options.params.user = &session;
  options.params.cache_folder = cache_folder (&cache);
  options.params.notice = tell;
  options.params.preparing = show_preparing;
  if (options.dry_run)
    return forecast_run (&options.params);
  ok = fit_trainer_open (&trainer, &options.params, &error);
  if (ok)
    {
      printf ("%s; run folder %s, step %" PRId64 "\n", fit_trainer_summary (trainer),
              options.params.folder, fit_trainer_position (trainer));
      fflush (stdout);
      running = trainer;
      catch_signals ();
      ok = fit_trainer_run (trainer, options.max_steps, show_progress, &session, &error);
      running = NULL;
      draw_curves (&session);
      if (session.on_terminal)
        putchar ('\n');
      fflush (stdout);
      count_skipped (trainer);
    }
  if (!ok)
    fprintf (stderr, "limn-cli train: %s\n", error.message);
  fit_trainer_close (&trainer);
  return exit_status (error.status);
}
