#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Runs assistive.py with a Python that has AT-SPI; 77 where there is none.
# usage: assistive.sh LIMN
for python in /usr/bin/python3 python3; do
    if "$python" -c 'import pyatspi' 2>/dev/null; then
        exec "$python" "$(dirname "$0")/assistive.py" "$1"
    fi
done
echo "no Python with pyatspi" >&2
exit 77
