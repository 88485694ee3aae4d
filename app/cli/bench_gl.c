/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_gl.h"

#ifdef LIMN_WITH_GL
#include <epoxy/gl.h>

#include "gl_context.h"

static int tried; /* places of contexts */

static bool next(void *user)
{
    bool end = false, opened = false;
    (void)user;
    while (!opened && !end)
        opened = gl_context_open(tried++, &end);
    return opened;
}

static unsigned texture_new(void *user, int width, int height)
{
    unsigned texture;
    (void)user;
    glGenTextures(1, &texture);
    glBindTexture(GL_TEXTURE_2D, texture);
    glTexImage2D(GL_TEXTURE_2D, 0, GL_RGBA8, width, height, 0, GL_RGBA, GL_UNSIGNED_BYTE, NULL);
    glBindTexture(GL_TEXTURE_2D, 0);
    return texture;
}

static void texture_free(void *user, unsigned texture)
{
    (void)user;
    glDeleteTextures(1, &texture);
}

static void upload(void *user, unsigned texture, int width, int height, const uint8_t *rgba)
{
    (void)user;
    glBindTexture(GL_TEXTURE_2D, texture);
    glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, width, height, GL_RGBA, GL_UNSIGNED_BYTE, rgba);
    glBindTexture(GL_TEXTURE_2D, 0);
}

static void download(void *user, unsigned texture, uint8_t *rgba)
{
    (void)user;
    glBindTexture(GL_TEXTURE_2D, texture);
    glGetTexImage(GL_TEXTURE_2D, 0, GL_RGBA, GL_UNSIGNED_BYTE, rgba);
    glBindTexture(GL_TEXTURE_2D, 0);
}

static void finish(void *user)
{
    (void)user;
    glFinish();
}

const struct fit_bench_gl *bench_gl(void)
{
    static const struct fit_bench_gl gl = {.next = next,
                                           .texture_new = texture_new,
                                           .texture_free = texture_free,
                                           .upload = upload,
                                           .download = download,
                                           .finish = finish};
    return &gl;
}
#else
const struct fit_bench_gl *bench_gl(void)
{
    return NULL;
}
#endif
