/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the runtime that shares textures with OpenGL: a mapped texture is a copy of its size
 * in the program's memory, and unmapping hands it to the GL of the current context. */
#include "cuda_runtime.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <vector>

/* What kernels/cuda/gl.cu declares for itself. */
extern "C" {
cudaError_t cudaGLGetDevices(unsigned *n, int *devices, unsigned most, int list);
cudaError_t cudaGraphicsGLRegisterImage(cudaGraphicsResource_t *resource, unsigned image,
                                        unsigned target, unsigned flags);
}

struct cuda_shim_texture {
    unsigned name, target;
    bool mapped, written;
    size_t width, height;
    std::vector<unsigned char> rgba; /* while mapped */
};

/* ---- OpenGL 1.1 --------------------------------------------------------------------------- */

enum {
    GL_UNSIGNED_BYTE = 0x1401,
    GL_RGBA = 0x1908,
    GL_VERSION = 0x1F02,
    GL_TEXTURE_WIDTH = 0x1000,
    GL_TEXTURE_HEIGHT = 0x1001,
    GL_TEXTURE_INTERNAL_FORMAT = 0x1003,
    GL_RGBA8 = 0x8058,
    GL_TEXTURE_BINDING_2D = 0x8069,
    GL_NO_ERROR = 0,
};

struct gl {
    const unsigned char *(*GetString)(unsigned name);
    unsigned (*GetError)();
    unsigned char (*IsTexture)(unsigned texture);
    void (*GetIntegerv)(unsigned name, int *value);
    void (*BindTexture)(unsigned target, unsigned texture);
    void (*GetTexLevelParameteriv)(unsigned target, int level, unsigned name, int *value);
    void (*TexSubImage2D)(unsigned target, int level, int x, int y, int width, int height,
                          unsigned format, unsigned type, const void *pixels);
};

template <typename F> static bool find(void *library, const char *name, F *function)
{
    *function = reinterpret_cast<F>(dlsym(library, name));
    return *function;
}

/* The library that dispatches to whichever context is current; NULL without it or without one. */
static const gl *current_gl()
{
    static gl g;
    static void *library = dlopen("libGL.so.1", RTLD_NOW | RTLD_LOCAL);
    static bool complete =
        library && find(library, "glGetString", &g.GetString) &&
        find(library, "glGetError", &g.GetError) && find(library, "glIsTexture", &g.IsTexture) &&
        find(library, "glGetIntegerv", &g.GetIntegerv) &&
        find(library, "glBindTexture", &g.BindTexture) &&
        find(library, "glGetTexLevelParameteriv", &g.GetTexLevelParameteriv) &&
        find(library, "glTexSubImage2D", &g.TexSubImage2D);
    return complete && g.GetString(GL_VERSION) ? &g : NULL;
}

static bool goes_wrong(const char *how)
{
    const char *wanted = getenv("FK_SHIM_GL");
    return wanted && !strcmp(wanted, how);
}

/* Binds a texture while it lives. */
struct bound {
    const gl *g;
    unsigned target;
    int before;
    bound(const gl *g, const cuda_shim_texture *texture) : g(g), target(texture->target), before(0)
    {
        g->GetIntegerv(GL_TEXTURE_BINDING_2D, &before);
        g->BindTexture(target, texture->name);
    }
    ~bound()
    {
        g->BindTexture(target, (unsigned)before);
    }
};

/* ---- the runtime -------------------------------------------------------------------------- */

cudaError_t cudaGLGetDevices(unsigned *n, int *devices, unsigned most, int list)
{
    (void)list;
    *n = 0;
    if (!current_gl())
        return cudaErrorInvalidGraphicsContext;
    if (most < 1)
        return cudaErrorInvalidValue;
    devices[(*n)++] = goes_wrong("other") ? 1 : 0;
    return cudaSuccess;
}

cudaError_t cudaGraphicsGLRegisterImage(cudaGraphicsResource_t *resource, unsigned image,
                                        unsigned target, unsigned flags)
{
    (void)flags;
    const gl *g = current_gl();
    int width = 0, height = 0, format = 0;
    *resource = NULL;
    if (goes_wrong("refused"))
        return cudaErrorNotSupported;
    if (!g)
        return cudaErrorInvalidGraphicsContext;
    if (!g->IsTexture(image))
        return cudaErrorInvalidValue;
    cuda_shim_texture *texture = new cuda_shim_texture();
    texture->name = image;
    texture->target = target;
    {
        bound now(g, texture);
        g->GetTexLevelParameteriv(target, 0, GL_TEXTURE_WIDTH, &width);
        g->GetTexLevelParameteriv(target, 0, GL_TEXTURE_HEIGHT, &height);
        g->GetTexLevelParameteriv(target, 0, GL_TEXTURE_INTERNAL_FORMAT, &format);
    }
    texture->width = (size_t)width;
    texture->height = (size_t)height;
    if (format != GL_RGBA8 || width < 1 || height < 1) {
        delete texture;
        return cudaErrorInvalidValue;
    }
    *resource = texture;
    return cudaSuccess;
}

cudaError_t cudaGraphicsUnregisterResource(cudaGraphicsResource_t resource)
{
    delete resource;
    return cudaSuccess;
}

cudaError_t cudaGraphicsMapResources(int n, cudaGraphicsResource_t *resources, cudaStream_t stream)
{
    (void)stream;
    if (goes_wrong("unmapped"))
        return cudaErrorNotSupported;
    if (!current_gl())
        return cudaErrorInvalidGraphicsContext;
    for (int i = 0; i < n; i++) {
        if (resources[i]->mapped)
            return cudaErrorInvalidValue;
        resources[i]->mapped = true;
        resources[i]->written = false;
        resources[i]->rgba.assign(4 * resources[i]->width * resources[i]->height, 0);
    }
    return cudaSuccess;
}

cudaError_t cudaGraphicsSubResourceGetMappedArray(cudaArray_t *array,
                                                  cudaGraphicsResource_t resource, unsigned index,
                                                  unsigned level)
{
    *array = resource;
    return resource->mapped && !index && !level ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaMemcpy2DToArrayAsync(cudaArray_t to, size_t left, size_t top, const void *from,
                                     size_t stride, size_t row_bytes, size_t rows,
                                     cudaMemcpyKind kind, cudaStream_t stream)
{
    const unsigned char *row = static_cast<const unsigned char *>(from);
    size_t pitch = 4 * to->width;
    cudaError_t status = cudaSuccess;
    if (!to->mapped || stride < row_bytes || left + row_bytes > pitch || top + rows > to->height)
        return cudaErrorInvalidValue;
    for (size_t y = 0; y < rows && status == cudaSuccess; y++)
        status = cudaMemcpyAsync(&to->rgba[(top + y) * pitch + left], row + y * stride, row_bytes,
                                 kind, stream);
    to->written = status == cudaSuccess;
    return status;
}

static cudaError_t hand_over(const gl *g, cuda_shim_texture *texture)
{
    bound now(g, texture);
    g->TexSubImage2D(texture->target, 0, 0, 0, (int)texture->width, (int)texture->height, GL_RGBA,
                     GL_UNSIGNED_BYTE, texture->rgba.data());
    return g->GetError() == GL_NO_ERROR ? cudaSuccess : cudaErrorInvalidGraphicsContext;
}

cudaError_t cudaGraphicsUnmapResources(int n, cudaGraphicsResource_t *resources,
                                       cudaStream_t stream)
{
    (void)stream;
    const gl *g = current_gl();
    cudaError_t status = g ? cudaSuccess : cudaErrorInvalidGraphicsContext;
    for (int i = 0; i < n; i++) {
        if (!resources[i]->mapped)
            return cudaErrorInvalidValue;
        resources[i]->mapped = false;
        if (status == cudaSuccess && resources[i]->written)
            status = hand_over(g, resources[i]);
        resources[i]->rgba.clear();
    }
    return status;
}

/* ---- streams and events: what is queued has run ---- */

cudaError_t cudaDeviceGetStreamPriorityRange(int *least, int *greatest)
{
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}
