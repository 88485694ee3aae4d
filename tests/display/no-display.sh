#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Without a display the window says so in one line, names the way out and fails; what needs no
# display still works.
# usage: no-display.sh LIMN
unset DISPLAY WAYLAND_DISPLAY
message=$("$1" 2>&1 >/dev/null)
code=$?
[ $code -eq 1 ] || { echo "exit status $code, expected 1"; exit 1; }
[ "$(wc -l <<<"$message")" -eq 1 ] || { echo "expected one line, found: $message"; exit 1; }
grep -q 'limn-cli' <<<"$message" || { echo "no word of limn-cli: $message"; exit 1; }
"$1" --version | grep -q '^Limn [0-9]' || { echo "--version fails without a display"; exit 1; }
"$1" --help | grep -q -- '--model' || { echo "--help fails without a display"; exit 1; }
