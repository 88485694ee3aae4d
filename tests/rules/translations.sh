#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# POTFILES.in lists exactly the files with text for people, and every catalogue is valid and
# complete.
# usage: translations.sh SOURCE_ROOT
cd "$1" || exit 1
failed=0

complain() {
    echo "$*"
    failed=1
}

needed() {
    grep -rlE --include='*.[ch]' '(^|[^[:alnum:]_])(N?C?_|n?gettext|d?p?n?gettext2?|g_dngettext) ?\("' app
    grep -rl --include='*.ui' 'translatable="yes"' ui
    ls data/*.desktop.in data/*.metainfo.xml.in
}

differ=$(diff <(needed | sort -u) <(sed -E '/^(#|$)/d' po/POTFILES.in | sort))
while read -r side file; do
    case $side in
    '<') complain "po/POTFILES.in: $file has text for people and is not listed" ;;
    '>') complain "po/POTFILES.in: $file is listed and has no text for people" ;;
    esac
done <<<"$differ"

languages=$(sed -E '/^#/d' po/LINGUAS)
for language in $languages; do
    catalogue=po/$language.po
    if ! msgfmt --check -o /dev/null "$catalogue"; then
        complain "$catalogue: msgfmt --check fails"
    elif LC_ALL=C msgfmt --statistics -o /dev/null "$catalogue" 2>&1 | grep -qE 'fuzzy|untranslated'; then
        complain "$catalogue: not complete: $(LC_ALL=C msgfmt --statistics -o /dev/null "$catalogue" 2>&1)"
    fi
done
for catalogue in po/*.po; do
    [ -e "$catalogue" ] || continue
    language=$(basename "$catalogue" .po)
    grep -qwF "$language" <<<"$languages" || complain "po/LINGUAS: $language is not listed"
done

exit $failed
