#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command on a private X server and a private session bus. Unlike
# xvfb-run the server itself picks a free display number, so parallel runs
# cannot race, and -noreset keeps it alive when its first client leaves.
if [ $# -eq 0 ]; then
    echo "usage: xrun.sh COMMAND [ARGUMENT...]" >&2
    exit 1
fi
for tool in Xvfb dbus-run-session; do
    if ! command -v "$tool" >/dev/null; then
        echo "xrun.sh: $tool is not installed" >&2
        exit 77
    fi
done

folder=$(mktemp -d) || exit 1
mkfifo "$folder/display" || exit 1
Xvfb -displayfd 3 -screen 0 1280x800x24 -nolisten tcp -noreset \
    3>"$folder/display" 2>"$folder/log" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$folder"' EXIT

if ! read -r -t 30 number <"$folder/display"; then
    echo "xrun.sh: the X server did not start:" >&2
    cat "$folder/log" >&2
    exit 1
fi
DISPLAY=:$number WAYLAND_DISPLAY='' dbus-run-session -- "$@"
