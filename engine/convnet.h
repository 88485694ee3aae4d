/* SPDX-License-Identifier: Apache-2.0 */
/*
 * convnet.h - convolutional networks between latents and pictures, as a list of layers.
 *
 * Pictures are [height][width][channels] in device memory. Work that needs neighbours goes in
 * strips of rows, so that only the picture before and after a layer lies in memory whole.
 *
 * Where even that does not fit, the last part of the network runs tile by tile. Group
 * normalisation looks at the whole picture, so a tile cannot simply be decoded alone: each
 * normalisation of that part takes a pass over all tiles that adds up its sums, and only then do
 * the next one's inputs exist. Tiles overlap by as many rows as the convolutions behind them reach.
 * The result is the picture that would have come out in one piece, for more work: there are no
 * seams to hide.
 */
#ifndef FIT_CONVNET_H
#define FIT_CONVNET_H

#include "compute.h"
#include "safetensors.h"
#include "scratch.h"

enum fit_layer_kind {
    FIT_LAYER_CONV,       /* kernel x kernel, zero padding */
    FIT_LAYER_DOWN,       /* 3 x 3 of stride 2; zeros below and to the right only */
    FIT_LAYER_UP,         /* each pixel becomes four, then 3 x 3 */
    FIT_LAYER_RESNET,     /* skip(x) + conv2(silu(norm2(conv1(silu(norm1(x)))))) */
    FIT_LAYER_ATTENTION,  /* x + out(softmax(q k^T / sqrt(channels)) v), q, k, v of norm(x) */
    FIT_LAYER_NORM_CONV,  /* conv(silu(norm(x))), 3 x 3 */
    FIT_LAYER_BLOCK,      /* relu(x + conv(relu(conv(relu(conv(x)))))) */
    FIT_LAYER_RELU,
    FIT_LAYER_SOFT_CLAMP, /* 3 tanh(x / 3) */
};

struct fit_layer {
    enum fit_layer_kind kind;
    const char *name; /* of its tensors: NAME.weight, or NAME.conv1.weight and so on */
    int in, out, kernel;
    bool no_bias;
    const char *norm; /* of FIT_LAYER_NORM_CONV: the normalisation's name */
};

/* The file behind the weights: mapped while the network is open, and used in place where the
 * device can. */
struct fit_convnet_source {
    struct fk_device *device;
    struct fk_queue *queue;
    struct fit_tensor_list list;
    /* Writes the file's spelling of a tensor's name. */
    void (*spell)(int spelling, const char *name, char *out, size_t bytes);
    int spelling;
};

struct fit_weight_pair {
    float *weight, *bias; /* bias may be NULL */
};

enum { FIT_LAYER_PARTS = 5, FIT_CONVNET_GROUPS = 32 };

/* RESNET: norm1, conv1, norm2, conv2, shortcut. ATTENTION: norm, q k v as one matrix, out.
 * NORM_CONV: norm, conv. BLOCK: three convolutions. */
struct fit_layer_weights {
    struct fit_weight_pair part[FIT_LAYER_PARTS];
};

/* Buffers for layers `from` up to `to`. */
struct fit_convnet_work {
    int from, to;
    struct fit_scratch scratch;
    float *whole[3], *strip[2];
};

struct fit_convnet {
    struct fk_device *device;
    const struct fit_layer *layers;
    int n_layers, n_norms;
    int strip_values; /* of a strip, about; no result depends on it but by rounding */
    struct fit_layer_weights *weights; /* [n_layers] */
    void **owned;                      /* device memory of weights that are not used in place */
    size_t n_owned;
    double *sums;    /* [n_norms][FIT_CONVNET_GROUPS][2] */
    int32_t *offset; /* [2], the pack of an attention */
    struct fit_convnet_work work;
};

/* Finds the tensors of all layers and checks their shapes, without a device. The names that the
 * visitor sees are those of the layers. */
bool fit_convnet_find(const struct fit_layer *layers, int n_layers,
                      const struct fit_convnet_source *source,
                      const struct fit_tensor_visitor *visitor, struct fit_error *e);

/* Checks and places the weights. `layers` and the source's file outlive the network. */
bool fit_convnet_open(struct fit_convnet *net, const struct fit_layer *layers, int n_layers,
                      const struct fit_convnet_source *source, struct fit_error *e);
void fit_convnet_close(struct fit_convnet *net);

/* How a picture of height x width at the input is made. */
struct fit_convnet_plan {
    int split;    /* layers from here on run tile by tile; n_layers: none do */
    int rows;     /* that a tile owns, counted at the input of layer `split` */
    size_t bytes; /* of buffers */
};

/* The fastest plan within `limit` bytes (0: four fifths of what is free), or the one of least
 * memory if none is. May be called from any thread. */
void fit_convnet_plan_make(const struct fit_convnet *net, int height, int width, size_t limit,
                           struct fit_convnet_plan *plan);

/* y = network(x), x [height][width][in of the first layer]. Waits for the result and holds no
 * buffers afterwards: they may be larger than everything else. */
bool fit_convnet_run(struct fit_convnet *net, struct fit_compute *c,
                     const struct fit_convnet_plan *plan, float *y, const float *x, int height,
                     int width);

/* ---- between the files of this module ---------------------------------------------------- */

enum { FIT_GATHER_ALL = -1, FIT_GATHER_NONE = -2 };

/* One piece of a picture on its way through some of the layers. Rows are counted at layer
 * `from`'s input. */
struct fit_convnet_tile {
    int height, width;      /* of the piece */
    int own_first, own_end; /* its rows that count in sums */
    int picture_height;     /* of which this is a piece */
    int gather; /* normalisation to gather sums for (and stop at), or FIT_GATHER_ALL, _NONE */
};

size_t fit_convnet_work_bytes(const struct fit_convnet *net, int from, int to, int height,
                              int width);
/* For pieces of at most that size. */
bool fit_convnet_work_reserve(struct fit_convnet *net, int from, int to, int height, int width,
                              struct fit_error *e);
void fit_convnet_work_finish(struct fit_convnet *net);

/* Normalisations before that layer. */
int fit_convnet_norms_before(const struct fit_convnet *net, int layer);

/* Runs the layers that `work` is reserved for on the piece in work.whole[0]; *result is where the
 * piece then lies, or NULL when the run stopped at the normalisation it gathered for. */
bool fit_convnet_run_tile(struct fit_convnet *net, struct fit_compute *c,
                          const struct fit_convnet_tile *tile, float **result);

#endif
