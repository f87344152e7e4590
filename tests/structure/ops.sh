# Every operation of compiler/ops/ops.def has its row in docs/adjoints.md and is a word of some unit test; every rule
# that an adjoint states stands there letter by letter, and every operation with an adjoint has a derivation there.
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

# An op has an adjoint by RULE1(op, …), RULE2(op, …), or as the field of its row, `const Op op_x = {…}` or ROW(x, …).
{
    grep -ohE '^RULE[12]\([a-z_0-9]+' "$TGC_ROOT"/compiler/ops/*.c | sed 's/.*(//'
    awk '/^const Op op_[a-z_0-9]+ = \{/ { op = $3; sub("op_", "", op) } /\.adjoint = / && op { print op } /};$/ { op = "" }' \
        "$TGC_ROOT"/compiler/ops/*.c
    grep -ohE '^ROW\([a-z_0-9]+,.* back_[a-z_0-9]+\)$' "$TGC_ROOT"/compiler/ops/*.c | sed 's/ROW(\([a-z_0-9]*\),.*/\1/'
} | sort -u >derived
[ "$(wc -l <derived)" -gt 40 ] || fail 'no adjoints were read'
grep -oE '^\*\*(`[a-z_0-9]+`(, )?)+\.\*\*' "$TGC_ROOT/docs/adjoints.md" | grep -oE '`[a-z_0-9]+`' | tr -d '`' | sort -u >explained
while read -r op; do
    grep -qx "$op" explained || fail "docs/adjoints.md does not derive the adjoint of $op"
done <derived
