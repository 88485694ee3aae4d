/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limn-live.h - quick pictures that follow the shape while it is being changed.
 *
 * Between begin and end every new size is painted in a few steps without guidance, and no larger
 * than the model was trained with. The newest size wins: the run before is stopped, one waits at
 * most, and what an older run still sends is not shown.
 */
#pragma once

#include <gdk/gdk.h>

#include "limn-session.h"

G_BEGIN_DECLS

#define LIMN_TYPE_LIVE (limn_live_get_type ())
G_DECLARE_FINAL_TYPE (LimnLive, limn_live, LIMN, LIVE, GObject)

LimnLive *limn_live_new (LimnSession *session, LimnSettings *settings);

/* The newest picture is the property "texture"; it stays when following ends. */
void limn_live_begin (LimnLive *self);
void limn_live_end (LimnLive *self);

gboolean limn_live_is_following (LimnLive *self);

/* Whether a better picture of the present size is still to come. */
gboolean limn_live_is_painting (LimnLive *self);
GdkTexture *limn_live_get_texture (LimnLive *self);

G_END_DECLS
