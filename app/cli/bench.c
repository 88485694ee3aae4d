/* SPDX-License-Identifier: Apache-2.0 */
/* limn-cli bench: how fast this machine is, beside what its products alone would allow. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_gl.h"
#include "cache.h"
#include "commands.h"
#include "fit/fit-bench.h"
#include "fit/fit-files.h"
#include "paint.h"

enum { MOST_TOKENS = 16, ALL_PARTS = FIT_N_BENCH_PARTS };

struct bench {
    struct common common;
    struct fit_bench_params params;
    const char *tokens_text, *output;
    int shape, tokens[MOST_TOKENS];
    double seconds, nominal; /* 1e12 operations a second */
    bool csv;
    json_t *rows; /* of --json */
    int wrong;    /* rows whose error is too large */
    struct fit_error error; /* of writing the velocity */
};

static bool is_wrong(const struct fit_bench_row *row)
{
    return !(row->error <= row->tolerance);
}

/* JSON has no number for an error that is none. */
static json_t *error_json(double error)
{
    return isfinite(error) ? json_real(error) : json_null();
}

/* One measurement by names, which are also the columns of --csv in this order. */
static json_t *row_json(const struct fit_bench_row *r)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f,"
                     " s:i, s:I, s:I, s:f, s:o, s:f, s:b, s:s, s:f}",
                     "part", fit_bench_part_name(r->part), "name", r->name, "precision",
                     fit_precision_name(r->precision), "tokens", r->tokens, "runs", r->runs,
                     "median_s", r->median_s, "p5_s", r->p5_s, "p95_s", r->p95_s, "p99_s",
                     r->p99_s, "flops", r->flops, "floor_s", r->floor_s, "gemm", r->gemm,
                     "attention", r->attention,
                     "rest", r->rest, "cpu_s", r->cpu_s, "operations", r->operations, "bytes",
                     (json_int_t)r->bytes, "device_bytes", (json_int_t)r->device_bytes,
                     "moved_bytes", r->moved_bytes, "error", error_json(r->error),
                     "tolerance", r->tolerance, "right", r->error < 0 || !is_wrong(r),
                     "algorithm", r->algorithm, "waves", r->waves);
}

/* As RFC 4180 has it: a text with a comma, a quote or an end of line stands in quotes, each quote
 * in it twice. */
static void print_text_cell(const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, stdout);
        return;
    }
    putchar('"');
    for (; *text; text++)
        fputs(*text == '"' ? "\"\"" : (const char[]){*text, '\0'}, stdout);
    putchar('"');
}

static void print_cell(const json_t *value)
{
    if (json_is_string(value))
        print_text_cell(json_string_value(value));
    else if (!json_is_null(value))
        json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
}

/* A line of --csv: what was measured, then the row; its names in place of its values in the
 * first. */
static void print_csv(const struct bench *bench, const struct fit_bench_row *row, bool header)
{
    json_t *cells = row_json(row), *value;
    const char *name;
    print_text_cell(header ? "device" : bench->params.device);
    putchar(',');
    print_text_cell(header ? "shape" : bench->params.shape);
    json_object_foreach(cells, name, value) {
        putchar(',');
        if (header)
            print_text_cell(name);
        else
            print_cell(value);
    }
    fputs("\r\n", stdout);
    fflush(stdout);
    json_decref(cells);
}

/* Of a card: what an evaluation queues, and what it costs elsewhere. */
static void print_device(const struct fit_bench_row *r)
{
    if (r->operations)
        printf("  %d operations", r->operations);
    if (r->device_bytes)
        printf("  %.0f us of the processor, %.2f GB of the device", 1e6 * r->cpu_s,
               1e-9 * (double)r->device_bytes);
}

/* What a library chose for a product. */
static void print_algorithm(const struct fit_bench_row *r)
{
    if (r->algorithm[0])
        printf("  %s", r->algorithm);
    if (r->waves > 0)
        printf(", %.2f waves", r->waves);
}

static void print_moved(const struct fit_bench_row *r)
{
    if (r->part == FIT_BENCH_INTEROP)
        printf("  p99 %.3f ms", 1e3 * r->p99_s);
    if (r->moved_bytes > 0)
        printf("  %.3g MB, %.2f GB/s", 1e-6 * r->moved_bytes, 1e-9 * r->moved_bytes / r->median_s);
}

static void print_row(const struct bench *bench, const struct fit_bench_row *r)
{
    if (r->error >= 0 && is_wrong(r)) {
        printf("%-46s %-5s FAIL: error %.1e, at most %.0e allowed\n", r->name,
               fit_precision_name(r->precision), r->error, r->tolerance);
        return;
    }
    printf("%-46s %-5s %9.3f [%9.3f %9.3f] ms", r->name,
           r->part == FIT_BENCH_INTEROP ? "" : fit_precision_name(r->precision),
           1e3 * r->median_s, 1e3 * r->p5_s, 1e3 * r->p95_s);
    if (r->flops > 0)
        printf(" %7.1f GFLOP/s", 1e-9 * r->flops / r->median_s);
    if (r->floor_s > 0)
        printf(" %3.0f %%", 100 * r->floor_s / r->median_s);
    if (r->flops > 0 && bench->nominal > 0)
        printf(" (nominal %.0f %%)", 1e-10 * r->flops / r->median_s / bench->nominal);
    if (r->gemm > 0)
        printf("  products %.0f, attention %.0f, rest %.0f %%", 100 * r->gemm,
               100 * r->attention, 100 * r->rest);
    if (r->bytes)
        printf("  %.1f MiB", (double)r->bytes / 1048576);
    print_device(r);
    print_algorithm(r);
    print_moved(r);
    if (r->error >= 0)
        printf("  error %.1e", r->error);
    putchar('\n');
    fflush(stdout);
}

static bool take_row(void *user, const struct fit_bench_row *row)
{
    struct bench *bench = user;
    bench->wrong += row->error >= 0 && is_wrong(row);
    if (bench->rows)
        json_array_append_new(bench->rows, row_json(row));
    else if (bench->csv)
        print_csv(bench, row, false);
    else
        print_row(bench, row);
    const int dims[2] = {row->tokens, row->n_features};
    if (bench->output && row->values &&
        !fit_npy_write(bench->output, 2, dims, row->values, &bench->error))
        return false;
    return !stop_was_asked();
}

static bool read_tokens(struct bench *bench)
{
    const char *at = bench->tokens_text;
    int n = 0;
    for (char *end; n < MOST_TOKENS; at = end + 1) {
        long value = strtol(at, &end, 10);
        if (end == at || value < 1 || value > 65536 || (*end && *end != ','))
            break;
        bench->tokens[n++] = (int)value;
        if (!*end) {
            bench->params.tokens = bench->tokens;
            bench->params.n_tokens = n;
            return true;
        }
    }
    return false;
}

static const char *part_name(int i)
{
    return fit_bench_part_name((enum fit_bench_part)i);
}

/* The bits of the parts that were named; of all but interop when none was. 0 with a sentence for a
 * name that is none. */
static unsigned read_parts(const char *const *words, int n)
{
    unsigned parts = n ? 0 : ((1u << ALL_PARTS) - 1) & ~(1u << FIT_BENCH_INTEROP);
    for (int w = 0; w < n; w++) {
        int i = 0;
        while (part_name(i) && strcmp(part_name(i), words[w]) != 0)
            i++;
        if (!part_name(i)) {
            const char *nearest = nearest_name(words[w], part_name);
            fail_usage(nearest ? "part \"%.40s\" is unknown; did you mean %s?"
                               : "part \"%.40s\" is unknown; --help lists them",
                       words[w], nearest);
            return 0;
        }
        parts |= 1u << i;
    }
    return parts;
}

static int measure(struct bench *bench, unsigned parts)
{
    struct fit_error error = {0};
    char cache[CACHE_PATH_BYTES];
    struct fit_bench_params *p = &bench->params;
    p->backend = backend_name(bench->common.backend);
    p->n_threads = bench->common.threads;
    p->precision = (enum fit_precision)bench->common.precision;
    p->shape = fit_bench_shape_name(bench->shape);
    p->seconds = bench->seconds;
    p->model = bench->common.model;
    p->cache_folder = cache_folder(&cache);
    p->row = take_row;
    p->user = bench;
    if (bench->common.json)
        bench->rows = json_array();
    if (bench->csv)
        print_csv(bench, &(struct fit_bench_row){.runs = 0}, true);
    bool ok = fit_bench_run(p, parts, &error);
    if (bench->rows)
        print_json(json_pack("{s:s, s:s, s:o}", "device", p->device, "shape", p->shape, "rows",
                             bench->rows));
    if (bench->error.status != FIT_OK)
        return fail(&bench->error);
    if (!ok)
        return fail(&error);
    return bench->wrong ? EXIT_DIFFERS : EXIT_DONE;
}

static int run_bench(int argc, char **argv)
{
    struct bench bench = {.tokens_text = "64,256", .shape = 3, .seconds = 1};
    const struct arg args[] = {
        {"model-shape", "NAME", "demo, n, t, s, m, b or xl (default: s, 26 million parameters)",
         ARG_NAME, &bench.shape, .name_of = fit_bench_shape_name},
        {"tokens", "N,...", "tokens of an image (default: 64,256)", ARG_TEXT, &bench.tokens_text,
         .low = 0},
        {"seconds", "S", "time for each row (default: 1)", ARG_REAL, &bench.seconds, .low = 0,
         .high = 600},
        {"nominal", "TFLOPS", "what the card's makers promise: gives shares of it too", ARG_REAL,
         &bench.nominal, .low = 0, .high = 1e5},
        {"csv", NULL, "print a line of names and one for each measurement, as RFC 4180 has it",
         ARG_FLAG, &bench.csv, .low = 0},
        {"output", "FILE.npy", "where to write the velocity of an evaluation", ARG_TEXT,
         &bench.output, .low = 0, .letter = 'o'},
    };
    const char *words[ALL_PARTS];
    int n = 0, status;
    if (!args_parse(&command_bench, args, sizeof args / sizeof *args, &bench.common, argc, argv,
                    words, 0, ALL_PARTS, &n, &status))
        return status;
    if (!read_tokens(&bench))
        return fail_usage("--tokens: expected numbers from 1 to 65536 with commas between, at "
                          "most %d, found %.60s", MOST_TOKENS, bench.tokens_text);
    if (bench.csv && bench.common.json)
        return fail_usage("--csv and --json are two forms of the same rows; choose one");
    unsigned parts = read_parts(words, n);
    if (!parts)
        return EXIT_USAGE;
    bench.params.gl = bench_gl();
    if (parts & 1u << FIT_BENCH_INTEROP && !bench.params.gl)
        return fail_usage("interop: this program was built without OpenGL");
    stop_watch();
    return measure(&bench, parts);
}

const struct command command_bench = {
    "bench",
    "[peaks|gemm|attention|block|evaluation|sampling|train|picture|autoencoder|preview|interop ...]"
    " [OPTION...]",
    "Measure how fast this machine runs FiTv2; pictures need --model.", run_bench};
