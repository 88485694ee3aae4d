/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fit-scenes.h - procedurally rendered scenes: the labelled pictures on which the bundled demo
 * model is trained. Endless, native at any size and shape, and free of any licence but the
 * project's own.
 *
 * Threads: any; the renderer holds no state. The header stands alone: the renderer knows nothing of
 * models.
 */
#ifndef FIT_FIT_SCENES_H
#define FIT_FIT_SCENES_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifndef FIT_API
#if defined(__GNUC__)
#define FIT_API __attribute__((visibility("default")))
#else
#define FIT_API
#endif
#endif

#define FIT_SCENE_CLASSES 16
#define FIT_SCENE_SIDE_MIN 16
#define FIT_SCENE_SIDE_MAX 8192

/* The class' display name ("Ocean sunset"), or NULL outside 0 .. FIT_SCENE_CLASSES - 1.
 * Static storage. */
FIT_API const char *fit_scene_name(int class_id);

/* Comma-separated search words for the class ("sea, sun, sailboat"), or NULL outside the range.
 * Static storage. */
FIT_API const char *fit_scene_synonyms(int class_id);

/* Renders one picture of a class into rgb[height][width][3], 8-bit sRGB, top row first.
 * A pure function of its arguments: the same four numbers always give the same bytes. The
 * composition follows the shape: a wide picture shows more of the scene, not a stretched one.
 * Returns false, leaving rgb untouched, when the class or a side is out of range or memory is
 * short. Work memory: 48 bytes per pixel up to one megapixel, 12 beyond. */
FIT_API bool fit_scene_render(int class_id, uint64_t seed, int width, int height, uint8_t *rgb);

#ifdef __cplusplus
}
#endif

#endif
