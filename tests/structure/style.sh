# What can be held about the text of the project itself: size of files, layout, flags, words.
cd "$TGC_ROOT" || exit 1
sources=$(ls compiler/*.[ch] compiler/*/*.[ch] runtime/*.[ch] grammar/* tests/*/*.[ch] bench/*.[ch] examples/*/*.[ch] 2>/dev/null)

for file in $sources; do
    lines=$(wc -l <"$file")
    [ "$lines" -le 600 ] || fail "$file has $lines lines (600 is the ceiling)"
    case $(head -c 3 "$file") in /\** | '%{'* | '%o'*) ;; *) fail "$file does not open with a comment" ;; esac
done

# the list is of words that say a thing is unfinished, spelt so that this file does not find itself
for word in 'TO''DO' 'FIX''ME' 'X''XX' 'not imple''mented'; do
    found=$(grep -nE "\b$word\b" $sources grammar/* compiler/std/*.tg 2>/dev/null)
    [ -z "$found" ] || fail "marked as unfinished: $found"
done
found=$(grep -rnE -e '-ffast-''math|-Ofast' compiler runtime cmake CMakeLists.txt scripts bench .ci 2>/dev/null)
[ -z "$found" ] || fail "flags that change rounding: $found"

if command -v clang-format >/dev/null; then
    for file in $(printf '%s\n' $sources | grep '\.[ch]$'); do
        clang-format --dry-run -Werror "$file" 2>/dev/null || fail "clang-format would change $file"
    done
fi
