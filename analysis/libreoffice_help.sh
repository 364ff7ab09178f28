#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# analysis/libreoffice_help.sh -- english.txt and german.txt, line by line each other's translation,
# from the help pages of LibreOffice: analysis/libreoffice_help.sh [FOLDER [PAGES]]
#
# Debian's packages libreoffice-help-en-us and libreoffice-help-de hold the same pages, and a
# paragraph has the same id in both. If they are not installed they are fetched and unpacked for this
# once. A pair is a paragraph or heading with an id that both pages have, of 3 to 40 words in either
# language; a word is what white space or a tag separates. Pairs are in the order of the pages.
set -euo pipefail
export LC_ALL=C # bytes, and one order everywhere

packages=(libreoffice-help-en-us libreoffice-help-de)
# of 4:7.4.7-1+deb12u14
expected=c168e3b9352a2c9e7f36fdf67f11b76fa372b2acd54170bf91635ef4e3d405a2
folder=${1:-${XDG_CACHE_HOME:-${HOME:?}/.cache}/slowmo/libreoffice_help}
pages=${2:-/usr/share/libreoffice/help}

say() { printf 'libreoffice_help: %s\n' "$*" >&2; }
fail() { say "$*"; exit 2; }

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# fetch: the packages' pages into $scratch; nothing is installed.
fetch() {
    local file
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
        fail "no apt-get here; needs the pages of Debian's ${packages[*]} in $pages"
    fi
    say "fetching ${packages[*]}"
    (cd "$scratch" && apt-get -q download "${packages[@]}" >log 2>&1) ||
        { tail -n 3 "$scratch/log" >&2; fail "could not fetch them; apt-get update may help"; }
    for file in "$scratch"/*.deb; do
        dpkg-deb -x "$file" "$scratch"
    done
    pages=$scratch/usr/share/libreoffice/help
}

# paragraphs LANGUAGE: lines of "page TAB id TAB text". A record is a tag and the text after it.
paragraphs() {
    # shellcheck disable=SC2016 # awk's $0
    (cd "$pages/$1/text" && find . -name '*.html' | sort | xargs awk '
        BEGIN { RS = "<" }
        FNR == 1 { id = "" }
        {
            end = index($0, ">")
            tag = substr($0, 1, end - 1)
            if (id == "" && tag ~ /^(p|h[1-6]) id="/) {
                split(tag, part, /[" ]/)
                name = part[1]; id = part[3]
                text = substr($0, end + 1)
            } else if (id != "" && tag != "/" name) {
                text = text " " substr($0, end + 1)
            } else if (id != "") {
                gsub(/\302\240/, " ", text) # a space that does not break
                gsub(/[ \t\r\n]+/, " ", text)
                gsub(/^ | $/, "", text)
                gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&amp;/, "\\&", text)
                print FILENAME "\t" id "\t" text
                id = ""
            }
        }')
}

if [[ ! -d $pages/en-US/text || ! -d $pages/de/text ]]; then
    (($# < 2)) || fail "$pages: no folders en-US/text and de/text"
    fetch
fi
paragraphs en-US >"$scratch/english"
paragraphs de >"$scratch/german"
mkdir -p "$folder"
awk -F '\t' -v english="$folder/english.txt" -v german="$folder/german.txt" '
    function fits(text, words, n) { n = split(text, words, " "); return n >= 3 && n <= 40 }
    # where a tag ended, a space came before the comma
    function closed(text) {
        while (match(text, / [.,;:!?)]/)) text = substr(text, 1, RSTART - 1) substr(text, RSTART + 1)
        return text
    }
    { key = $1 FS $2 }
    FNR == NR { if (!(key in translation)) translation[key] = $3; next }
    key in translation && !(key in seen) {
        seen[key]
        if (fits($3) && fits(translation[key])) {
            print closed($3) > english
            print closed(translation[key]) > german
        }
    }' "$scratch/german" "$scratch/english"

hash=$(cat "$folder/english.txt" "$folder/german.txt" | sha256sum | cut -d ' ' -f 1)
printf '%s: %d pairs, %d English and %d German words, sha256 %s\n' "$folder" \
    "$(wc -l <"$folder/english.txt")" "$(wc -w <"$folder/english.txt")" \
    "$(wc -w <"$folder/german.txt")" "$hash"
if [[ $hash != "$expected" ]]; then
    say "warning: not the text of version 4:7.4.7-1+deb12u14, whose sha256 is $expected"
fi
