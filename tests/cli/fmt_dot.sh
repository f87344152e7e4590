# tgc fmt prints one layout, tgc dot a graph; dumps and --stop-after.
printf 'tg 1\ndim   N=2\ngraph f( x:[N] )->( y:[N] ) {y=2*x}   # why\n' >m.tg
expect 0 tgc fmt m.tg
cp .stdout once.tg
expect 0 tgc fmt once.tg
same .stdout once.tg
stdout_has '# why'
expect 0 tgc check once.tg
expect 0 tgc dot m.tg
stdout_has 'digraph'
expect 0 tgc check m.tg --dump=elaborate
stdout_has 'mul'
expect 0 tgc check m.tg --stop-after=fuse --dump=all
stdout_has 'simplify'
