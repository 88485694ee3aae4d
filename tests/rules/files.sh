#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What every file keeps to: a licence line, a length that can be read, no loose ends.
# usage: files.sh SOURCE_ROOT
cd "$1" || exit 1
failed=0
most_lines=1000

complain() {
    echo "$1: $2"
    failed=1
}

while read -r file; do
    case $file in
    *.[ch] | *.cu | *.cuh | *.sh | *.py | *.css | *.frag | *.vert | *.glsl | *.svg | *.ui | *.xml | \
        *.xml.in | *.yaml | */meson.build | ./meson.build | ./meson_options.txt | ./dev | ./.ci/run)
        head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' ||
            complain "$file" "no line 'SPDX-License-Identifier: Apache-2.0' at the top"
        ;;
    esac
    case $file in
    *.[ch] | *.cu | *.cuh | *.sh | *.py | ./dev)
        lines=$(wc -l <"$file")
        [ "$lines" -le $most_lines ] || complain "$file" "$lines lines, more than $most_lines"
        ;;
    esac
done < <(find . \( -name .git -o -name 'build*' -type d \) -prune -o -type f -print)

# The words are spelled in two parts so that this file does not find itself. A promise of later
# work names its issue: "(#12)" right behind the word.
loose='\b(TO''DO|FIX''ME|XX''X|HA''CK)\b'
while IFS= read -r hit; do
    complain "${hit%%:*}" "a loose end without an issue number: ${hit#*:}"
done < <(grep -rInE --exclude-dir=.git --exclude-dir='build*' --exclude='*.po' "$loose" . |
    grep -vE "$loose \(#[0-9]+\)")
while IFS= read -r hit; do
    complain "${hit%%:*}" "a path of one machine: ${hit#*:}"
done < <(grep -rInE --exclude-dir=.git --exclude-dir='build*' '(^|[^[:alnum:]_.])/(wo''rk|home|ro''ot)/' .)

exit $failed
