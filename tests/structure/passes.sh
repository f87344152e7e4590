# docs/architecture.md shows the table of passes that the compiler itself prints.
expect 0 tgc --passes
awk '/^```passes$/ { inside = 1; next } /^```/ { inside = 0 } inside' "$TGC_ROOT/docs/architecture.md" >documented
[ -s documented ] || fail 'docs/architecture.md has no ```passes block'
diff documented .stdout >difference || fail "docs/architecture.md (<) and tgc --passes (>) differ: $(cat difference)"
