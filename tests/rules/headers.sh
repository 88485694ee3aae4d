#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles on its own; the public ones also as strict C17 and as C++17.
# usage: headers.sh SOURCE_ROOT C_COMPILER [CXX_COMPILER]
cd "$1" || exit 1
cc=$2
cxx=${3:-}
failed=0
window=$(pkg-config --cflags libadwaita-1 2>/dev/null)
wide="-march=x86-64-v4 -mavx512bf16"
epoxy=$(pkg-config --cflags epoxy 2>/dev/null)

# alone HEADER COMPILER FLAG...
alone() {
    local header=$1
    shift
    if ! echo "#include \"$PWD/$header\"" | "$@" -fsyntax-only -Wall -Wextra -Werror -; then
        echo "$header: does not compile alone"
        failed=1
    fi
}

while read -r header; do
    case $header in
    engine/include/*)
        alone "$header" "$cc" -std=c17 -pedantic-errors -x c -Iengine/include
        [ -z "$cxx" ] || alone "$header" "$cxx" -std=c++17 -pedantic-errors -x c++ -Iengine/include
        ;;
    kernels/cuda/*) ;;
    kernels/cpu/wide.h) # for some files of one kind of processor
        # shellcheck disable=SC2086
        "$cc" $wide -E -x c /dev/null >/dev/null 2>&1 || continue
        # shellcheck disable=SC2086
        alone "$header" "$cc" $wide -std=gnu17 -x c -Ikernels
        ;;
    kernels/*) alone "$header" "$cc" -std=gnu17 -x c -Ikernels ;;
    engine/*) alone "$header" "$cc" -std=gnu17 -x c -Ikernels -Iengine -Iengine/include ;;
    app/cli/*) alone "$header" "$cc" -std=gnu17 -x c -Iengine/include ;;
    app/*)
        [ -n "$window" ] || continue
        # shellcheck disable=SC2086
        alone "$header" "$cc" -std=gnu17 -x c -Iapp -Iengine/include $window $epoxy
        ;;
    esac
done < <(find kernels engine app -name '*.h' | sort)

exit $failed
