#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Makes the pictures of docs/walks.md from a build: walks.sh BUILD OUT. Small JPEGs where ImageMagick is
# installed, else PNGs as large as the window.
if [ $# -ne 2 ]; then
    echo "usage: walks.sh BUILD OUT" >&2
    exit 1
fi
tests=$(cd "$(dirname "$0")/.." && pwd) || exit 1
build=$(cd "$1" && pwd) && mkdir -p "$2" && out=$(cd "$2" && pwd) || exit 1
home=$(mktemp -d) || exit 1
trap 'rm -rf "$home"' EXIT

export GSETTINGS_BACKEND=memory GSETTINGS_SCHEMA_DIR=$build/data GSK_RENDERER=cairo LC_ALL=C.UTF-8
export GOMP_SPINCOUNT=1000 # as the window sets it: the machine may be busy
export LIMN_MODEL=$tests/../models/limn-demo XDG_DATA_HOME=$home XDG_CACHE_HOME=$home/cache
"$tests/xrun.sh" "$build/tests/display/walks" "$out" || exit
rm -f "$out/saved.png"
if command -v convert >/dev/null; then
    for picture in "$out"/*-[0-9]-*.png; do
        convert "$picture" -background white -flatten -resize '900x>' -quality 80 "${picture%.png}.jpg" && rm "$picture"
    done
fi
