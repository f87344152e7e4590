# Every operation of compiler/ops/ops.def has its row in docs/adjoints.md and is a word of some unit test; every rule
# that an adjoint states stands there letter by letter.
grep -o 'OP([a-z_0-9]*)' "$TGC_ROOT/compiler/ops/ops.def" | sed 's/OP(\(.*\))/\1/' >ops
[ "$(wc -l <ops)" -gt 30 ] || fail 'ops.def was not read'
while read -r op; do
    grep -qE "^\| *\`$op\`" "$TGC_ROOT/docs/adjoints.md" || fail "docs/adjoints.md has no row for $op"
    grep -rqwE "(op_)?$op" "$TGC_ROOT/tests/unit" || fail "no unit test speaks of $op"
done <ops

grep -ohE '"d[A-Z][A-Za-z]* = [^"]*"' "$TGC_ROOT"/compiler/ops/*.c | tr -d '"' | sort -u >rules
[ "$(wc -l <rules)" -gt 30 ] || fail 'no rules were read'
while read -r rule; do
    grep -qF -e "$rule" "$TGC_ROOT/docs/adjoints.md" || fail "docs/adjoints.md lacks the rule $rule"
done <rules
