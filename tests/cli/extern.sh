# extern fn: elementwise functions in C, read through libclang; what is wrong with a header is told at the model's line.
header() { printf '%s\n' "$@" >own.h; }
good='static inline double f(double x) { return x * x; }
static inline float ff(float x) { return x * x; }
static inline double g(double x) { return 2 * x; }
static inline float gf(float x) { return 2 * x; }'

# Values, derivatives and the check of both, compiled and evaluated.
header "$good"
model m.tg 'extern fn f(x) -> y from "own.h" adjoint g' \
    'graph run(x: [3]) -> (y: [3], d: [3]) { y = f(x) + 1' 'd = grad(sum(f(x)), x) }' \
    'graph value(x: [3]) -> (y: [3]) { y = f(x) }'
for way in '' --interp '--dtype f64' '--cc gcc'; do
    expect 0 tgc run $way m.tg run 'x=[1, -2, 3]'
    stdout_has 'y = [2, 5, 10]'
    stdout_has 'd = [2, -4, 6]'
done
expect 0 tgc gradcheck m.tg value
stdout_has 'dX = G * g(X)'
stdout_has 'f32 against f64'

# Parts of one text: two headers, imports, a header that guards itself and uses macros; all in one file.
header '#pragma once' '#include <math.h>' '#define TWICE(x) ((x) + (x))' \
    'static const double offset = 0.25;' \
    'static inline double f(double x) { return TWICE(x) + offset; }' \
    'static inline float ff(float x) { return TWICE(x) + 0.25f; }'
printf '%s\n' '#ifndef OTHER' '#define OTHER' 'static inline double third(double a, double b, double c) { return a + b * c; }' \
    'static inline float thirdf(float a, float b, float c) { return a + b * c; }' '#endif' >other.h
model lib.tg 'extern fn third(a, b, c) -> y from "other.h"'
model m.tg 'import "lib.tg"' 'extern fn f(x) -> y from "own.h"' \
    'graph run(x: [2], b: [2, 1]) -> (y: [2, 2]) { y = third(f(x), c = 0.5, b = b) }'
for way in '' --interp; do
    expect 0 tgc run $way m.tg run 'x=[1, 2]' 'b=[[0], [4]]'
    stdout_has '[[2.25, 4.25],'
    stdout_has ' [4.25, 6.25]]'
done
expect 0 tgc emit --standalone --target portable m.tg -o out
expect 0 cc -std=gnu11 -Wall -Wextra -Werror -c out/m.c -o m.o
expect 0 tgc emit --standalone --target portable m.tg -o out_again
expect 0 cmp out/m.c out_again/m.c

# A derivative that is wrong, and a float form that is another function.
header "$(sed 's/2 [*] x/3 * x/' <<<"$good")"
model m.tg 'extern fn f(x) -> y from "own.h" adjoint g' 'graph run(x: [3]) -> (y: [3]) { y = f(x) }'
expect 5 tgc gradcheck m.tg
stdout_has 'dX = G * g(X)'
header "$(sed '/float ff/s/x [*] x/x + x/' <<<"$good")"
expect 5 tgc gradcheck m.tg
stdout_has 'wrong'

# Headers that can't be used.
wrong() { # wrong CODE TEXT HEADER…
    local code=$1 text=$2
    shift 2
    header "$@"
    expect 1 tgc check m.tg
    stderr_has "$code"
    stderr_has "$text"
    stderr_has 'm.tg:2:'
}
wrong E0604 'defines no function `ff`' 'static inline double f(double x) { return x; }'
wrong E0604 'is double (float), not double (double)' 'static inline double f(float x) { return (double)x; }' "$(sed 1d <<<"$good")"
wrong E0604 'is not static' "$(sed 's/static inline double f/double f(double x); double f/' <<<"$good")"
wrong E0603 'line 2: ' 'static inline double f(double x) {' ' return y; }'
wrong E0603 'includes <…> alone' '#include "other.h"' "$good"
wrong E0603 'is not const' 'static int calls;' "$good"
wrong E0603 'a name of the generated C' 'typedef int vec;' "$good"
rm own.h
expect 1 tgc check m.tg
stderr_has 'E0603'
stderr_has 'is not found'
header "$good"
model two.tg 'extern fn f(x) -> y from "own.h"' 'extern fn h(x) -> y from "again.h"'
cp own.h again.h
expect 1 tgc check two.tg
stderr_has 'defines `f`, as `own.h` does'
model many.tg 'extern fn f(x) -> y from "own.h" adjoint (g, g)' 'extern fn k(a, b, c, d) -> y from "own.h"'
expect 1 tgc check many.tg
stderr_has '1 argument, but 2 derivatives'
stderr_has 'at most 3 arguments'
model use.tg 'extern fn f(x) -> y from "own.h"' 'graph run(x: [2]) -> (y: [2], d: [2]) { y = f(x, 1)' 'd = f() }' \
    'graph slope(x: [2]) -> (d: [2]) { d = grad(sum(f(x)), x) }' 'const K = f(1)'
expect 1 tgc check use.tg
stderr_has 'too many arguments'
stderr_has 'needs an argument `x`'
stderr_has 'E0411'
model slope.tg 'extern fn f(x) -> y from "own.h"' 'graph slope(x: [2]) -> (d: [2]) { d = grad(sum(f(x)), x) }'
expect 1 tgc check slope.tg
stderr_has 'E0501'
stderr_has 'gives it an adjoint'
