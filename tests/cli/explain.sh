# tgc explain: every code has its page, the whole of it and nothing of the next; unknown ones name their neighbours.
codes=$(sed -n 's/^DIAG(\(E[0-9]*\),.*/\1/p' "$TGC_ROOT/compiler/base/diagnostics.def")
[ -n "$codes" ] || fail 'no codes found'
expect 0 tgc explain
for code in $codes; do grep -q "^  $code  ." .stdout || fail "the list lacks $code"; done
stdout_has 'Shapes'
[ "$(grep -c '^  E' .stdout)" = "$(wc -w <<<"$codes")" ] || fail 'the list has more or fewer codes than there are'
expect 0 tgc explain $codes
cp .stdout all
for code in $codes; do
    title=$(sed -n "s/^DIAG($code, *\"\(.*\)\")$/\1/p" "$TGC_ROOT/compiler/base/diagnostics.def")
    # the page as the file has it: from its heading to the next
    printf '%s: %s\n\n' "$code" "$title" >wanted
    awk -v code="$code" '/^##/ { on = ($1 == "###" && $2 == code); next } on' "$TGC_ROOT/docs/errors.md" | sed -e :a -e '/^\n*$/{$d;N;ba' -e '}' >>wanted
    expect 0 tgc explain "$code"
    same .stdout wanted
    grep -qxF "$code: $title" all || fail "the pages together lack $code"
done
expect 0 tgc explain E0301
cp .stdout page
expect 0 tgc explain e301
same .stdout page
expect 2 tgc explain E0399
stdout_empty
stderr_has 'E0399'
stderr_has 'E0401'
expect 2 tgc explain shapes
stderr_has 'shapes'
# on a terminal, messages point to it; nowhere else
echo 'tg 1; graph (' >bad.tg
expect 1 tgc check bad.tg
! grep -q 'tgc explain' .stderr || fail 'points to tgc explain without a terminal'
if command -v script >/dev/null && script --version 2>/dev/null | grep -q util-linux; then
    expect 1 script -qec "$TGC check bad.tg" /dev/null
    stdout_has 'tgc explain CODE says more'
fi
