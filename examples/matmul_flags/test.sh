# The emitted kernels of all four forms are products and nothing else: no transpose is carried out anywhere.
expect 0 tgc emit "$TGC_ROOT/examples/matmul_flags/matmul_flags.tg" -o c --target x86-64-v3
grep '^static void .*(const void \*args, int lo, int hi)' c/matmul_flags.c | grep -cvE '_(pack|rows)\(' >kernels
# the line of a kernel's comment that says what it computes: name[sizes] = formula; operands in panels are no kernels'
grep -E '^ \*   [a-z_]+\[[A-Z, ]+\] = ' c/matmul_flags.c >formulas
[ "$(cat kernels)" -ge 8 ] || fail "$(cat kernels) kernels"
[ "$(wc -l <formulas)" = "$(cat kernels)" ] || fail "$(cat kernels) kernels with $(wc -l <formulas) formulas"
grep -vF ' @ ' formulas >others
[ ! -s others ] || fail "kernels that are no products: $(cat others)"

expect 0 tgc check "$TGC_ROOT/examples/matmul_flags/matmul_flags.tg" --dump=fuse --stop-after=fuse
[ "$(grep -cE '^ +k[0-9]+ ' .stdout)" = 12 ] || fail 'not twelve kernels in all'
[ "$(grep -cE '^ +k[0-9]+ contract ' .stdout)" = 12 ] || fail 'not all kernels are products'
