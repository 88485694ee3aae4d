#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The walls between the rooms: app -> engine/include/fit -> engine -> kernels/fk*.h -> kernels.
# usage: includes.sh SOURCE_ROOT
cd "$1" || exit 1
failed=0
toolkit='glib|gio|gobject|gtk|gdk|gsk|pango|cairo|adwaita'
desktop="$toolkit|epoxy"
cuda='cuda|cublas|nvrtc|curand'

complain() {
    echo "$1: $2"
    failed=1
}

# Lines "FILE:<NAME" or "FILE:\"NAME" for every include under the given folders.
includes() {
    grep -rHoE --include='*.[ch]' --include='*.cu' --include='*.cuh' \
        '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"][^>"]+' "$@" |
        sed -E 's/#[[:space:]]*include[[:space:]]*//; s/:[[:space:]]*([<"])/:\1/'
}

exists_in() {
    local name=$1 folder
    shift
    for folder in "$@"; do
        [ -e "$folder/$name" ] && return 0
    done
    return 1
}

while IFS=: read -r file name; do
    quoted=${name#\"}
    case $file in
    kernels/*)
        [[ $name == '<'* ]] || exists_in "$quoted" "${file%/*}" kernels kernels/cpu kernels/cuda ||
            complain "$file" "includes \"$quoted\", which is not in kernels/"
        [[ $file == kernels/cuda/* ]] || ! [[ $name =~ ^.($cuda) ]] ||
            complain "$file" "includes ${name:1}: CUDA lives in kernels/cuda/ only"
        ! [[ $name =~ ^.($desktop) ]] || complain "$file" "includes ${name:1}"
        ;;
    engine/*)
        [[ $name == '<'* || $quoted == fk*.h ]] ||
            exists_in "$quoted" "${file%/*}" engine engine/include ||
            complain "$file" "includes \"$quoted\": neither engine/ nor kernels/fk*.h"
        ! [[ $name =~ ^.($desktop|$cuda) ]] || complain "$file" "includes ${name:1}"
        ;;
    app/*)
        ! [[ $quoted =~ ^(fk|fit_) ]] && ! [[ $name =~ ^.($cuda|engine/|kernels/|\.\./) ]] ||
            complain "$file" "includes ${name:1}: the application sees <fit/...> only"
        [[ $file != app/cli/* ]] || ! [[ $name =~ ^.($toolkit) ]] ||
            complain "$file" "includes ${name:1}: the command line has no GLib"
        ;;
    esac
done < <(includes kernels engine app)

# Public headers stand on the C library and each other.
while IFS=: read -r file name; do
    [[ $name == '<std'* || $name == '"fit/'* || $name == '<fit/'* ]] ||
        complain "$file" "a public header includes ${name:1}"
done < <(includes engine/include)

exit $failed
