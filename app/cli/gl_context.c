/* SPDX-License-Identifier: Apache-2.0 */
#include "gl_context.h"

#include <epoxy/egl.h>

enum { MOST_DEVICES = 16 };

static EGLDisplay display = EGL_NO_DISPLAY;
static EGLContext context = EGL_NO_CONTEXT;

static EGLDisplay display_of(int i, bool *end)
{
    EGLDeviceEXT devices[MOST_DEVICES];
    EGLint n = 0;
    if (epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_EXT_platform_device") &&
        epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_EXT_device_enumeration"))
        eglQueryDevicesEXT(MOST_DEVICES, devices, &n);
    *end = i > n;
    if (i < n)
        return eglGetPlatformDisplayEXT(EGL_PLATFORM_DEVICE_EXT, devices[i], NULL);
    if (i == n && epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_MESA_platform_surfaceless"))
        return eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
    return EGL_NO_DISPLAY;
}

bool gl_context_open(int i, bool *end)
{
    static const EGLint attributes[] = {EGL_RENDERABLE_TYPE, EGL_OPENGL_BIT, EGL_SURFACE_TYPE,
                                        EGL_PBUFFER_BIT, EGL_NONE};
    EGLConfig config;
    EGLint n = 0;
    gl_context_close();
    *end = true;
    if (!epoxy_has_egl())
        return false;
    display = display_of(i, end);
    if (display == EGL_NO_DISPLAY || !eglInitialize(display, NULL, NULL) ||
        !eglBindAPI(EGL_OPENGL_API) || !eglChooseConfig(display, attributes, &config, 1, &n) ||
        n < 1)
        return false;
    context = eglCreateContext(display, config, EGL_NO_CONTEXT, NULL);
    return context != EGL_NO_CONTEXT &&
           eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context);
}

void gl_context_close(void)
{
    gl_context_hide();
    if (context != EGL_NO_CONTEXT)
        eglDestroyContext(display, context);
    context = EGL_NO_CONTEXT;
    display = EGL_NO_DISPLAY; /* shared by all who asked for it: never terminated */
}

void gl_context_hide(void)
{
    if (display != EGL_NO_DISPLAY)
        eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
}

void gl_context_show(void)
{
    eglMakeCurrent(display, EGL_NO_SURFACE, EGL_NO_SURFACE, context);
}
