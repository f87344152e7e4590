# tgc fmt lays a file out in the one layout, in place; tgc dot prints a graph; dumps and --stop-after.
printf 'tg 1\ndim   N=2\ngraph f( x:[N] )->( y:[N] ) {y=2*x}   # why\n' >m.tg
expect 1 tgc fmt --check m.tg
stdout_has 'm.tg'
cp m.tg copy.tg
expect 0 tgc fmt copy.tg
expect 0 tgc fmt --check copy.tg
expect 0 bash -c '"$TGC" fmt - <m.tg'
same .stdout copy.tg
stdout_has '# why'
expect 0 tgc check copy.tg
expect 1 bash -c 'echo "tg 1; graph (" | "$TGC" fmt -'
stdout_empty
expect 0 tgc dot m.tg
stdout_has 'digraph'
expect 0 tgc check m.tg --dump=elaborate
stdout_has 'mul'
expect 0 tgc check m.tg --stop-after=fuse --dump=all
stdout_has 'simplify'
