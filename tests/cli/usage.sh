# The command line itself: help, versions, lists, and mistakes of usage (status 2).
expect 2 tgc
stderr_has 'tgc'
expect 0 tgc --help
stdout_has 'gradcheck'
stderr_empty
expect 0 tgc --version
stdout_matches '^tgc [0-9]+\.[0-9]+'
expect 0 tgc --passes
stdout_has 'simplify'
for command in check emit build run train bench gradcheck dot fmt; do
    expect 0 tgc $command --help
    stdout_has "tgc $command"
    stderr_empty
    expect 2 tgc $command --no-such-option m.tg
    stderr_has '--no-such-option'
    expect 2 tgc $command
done
expect 2 tgc chekc m.tg
stderr_has 'check'

model m.tg 'dim N = 2' 'graph twice(x: [N]) -> (y: [N]) { y = 2 * x }'
expect 2 tgc check m.tg -D M=3
stderr_has 'M'
expect 2 tgc check m.tg --target no-such-machine
stderr_has 'no-such-machine'
expect 2 tgc check m.tg --stop-after no-such-pass
stderr_has 'no-such-pass'
expect 2 tgc run m.tg twice 'x=[1,2]' --dtype f16
stderr_has 'f16'
expect 2 tgc run m.tg thrice 'x=[1,2]'
stderr_has 'twice'
