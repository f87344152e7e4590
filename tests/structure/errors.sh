# Every message of compiler/base/diagnostics.def has its entry in docs/errors.md under the same title, its place in the
# order of codes, and a test in which it appears; docs/errors.md has no entry without a message.
sed -n 's/^DIAG(\(E[0-9]*\), *"\(.*\)")$/\1 \2/p' "$TGC_ROOT/compiler/base/diagnostics.def" >defined
sed -n 's/^### \(E[0-9]* .*\)$/\1/p' "$TGC_ROOT/docs/errors.md" >documented
[ -s defined ] || fail 'no messages found'
diff defined documented >difference || fail "diagnostics.def (<) and docs/errors.md (>) differ: $(cat difference)"
sort -c defined || fail 'codes are out of order'
while read -r code title; do
    grep -rqw "$code" "$TGC_ROOT/tests" || fail "no test has $code ($title)"
done <defined
