# Every operation of compiler/ops/ops.def stands in docs/adjoints.md with its rule, and is a word of some test.
grep -o 'OP([a-z_0-9]*)' "$TGC_ROOT/compiler/ops/ops.def" | sed 's/OP(\(.*\))/\1/' >ops
[ "$(wc -l <ops)" -gt 30 ] || fail 'ops.def was not read'
while read -r op; do
    grep -qE "^\| *\`$op\`" "$TGC_ROOT/docs/adjoints.md" || fail "docs/adjoints.md has no row for $op"
    grep -rqwE "(op_)?$op" "$TGC_ROOT/tests/unit" || fail "no unit test speaks of $op"
done <ops
