# tgc emit: C that compiles by one line, the same bytes each time, one value alone, everything in one file.
model m.tg 'dim M = 4, K = 8, N = 6' 'param W: [K, N] ~ xavier' \
    'graph f(x: [M, K], g: [M, N]) -> (h: [M, N], d_x: [M, K]) {' '  h = gelu(x @ W)' '  d_x = grad(sum(h * g), x)' '}'
expect 0 tgc emit m.tg -o one --target x86-64-v3
expect 0 tgc emit m.tg -o two --target x86-64-v3
exists one/m.c
exists one/m.h
same one/m.c two/m.c
same one/m.h two/m.h
mkdir -p deeper
cp m.tg deeper
expect 0 tgc emit deeper/m.tg -o three --target x86-64-v3
same one/m.h three/m.h

expect 0 tgc emit m.tg --only h
stdout_has 'tg_gelu'
stderr_empty
expect 2 tgc emit m.tg --only no_such_value
stderr_has 'no_such_value'
expect 3 tgc emit m.tg -o /dev/null/folder
stderr_has '/dev/null/folder'
echo 'a file' >taken
expect 3 tgc emit m.tg -o taken

cat >main.c <<'END'
#include <stdio.h>
#include "m.h"
int main(void) {
    static float x[4 * 8], g[4 * 6], h[4 * 6], d_x[4 * 8];
    m *model;
    if (m_new(&model, 2, 1)) return 1;
    if (m_f(model, x, g, h, d_x)) return 1;
    printf("%g\n", (double)h[0]);
    m_free(model);
    return 0;
}
END
expect 0 tgc emit m.tg --standalone -o alone --target portable
only alone deeper main.c m.tg one taken three two
for cc in gcc clang; do
    command -v $cc >/dev/null || continue
    [ -z "${TGC_SANITIZE:-}" ] || [ $cc = clang ] || continue
    for flags in '' -DTG_NO_THREADS; do
        expect 0 $cc -std=gnu11 -O1 -Wall -Wextra -Werror $flags ${TGC_CFLAGS:-} -Ialone main.c alone/m.c -lm -lpthread -o main
        expect 0 ./main
        stdout_has 0
    done
done
expect 0 clang++ -x c++ -std=c++11 -Wall -Wextra -Werror -Wpedantic -fsyntax-only alone/m.h

# the line at the head of each file compiles it; without its flags the file says so in a sentence
expect 0 tgc emit m.tg -o lined
expect 0 tgc emit m.tg --standalone -o lined/alone
for folder in lined lined/alone; do
    line=$(sed -n '/^ \*   cc /,/-c m\.c/{s/^ \* *//;s/\\$//;s/ *(.*//;p}' $folder/m.c | tr '\n' ' ')
    for cc in gcc clang; do
        command -v $cc >/dev/null || continue
        expect 0 env -C $folder $cc -Wall -Wextra -Werror ${line#cc } -I "$TGC_ROOT/runtime" -o m.o
        exists $folder/m.o
        rm -f $folder/m.o
    done
done
if [ "$(uname -m)" = x86_64 ]; then
    expect 0 tgc emit m.tg --standalone --target x86-64-v3 -o wide
    expect 1 cc -std=gnu11 -march=x86-64 -c wide/m.c -o wide/m.o
    stderr_has 'use the line at the head of the file'
fi

# a file's name need not be text; what is quoted is cut between characters
odd=$(printf 'odd\377.tg')
printf 'tg 1\nassert 1 == 1, "ééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééééé"\ngraph f(x: [2]) -> (y: [2]) { y = 2 * x }\n' >"$odd"
expect 0 tgc emit "$odd" -o odd_c
expect 0 grep -q 'odd?.tg:3' odd_c/odd_.c

# a model may be called as something of C, of the C library, of the written file or of the runtime
for name in int log printf size_t states model options random tg tg_vec check; do
    cp m.tg $name.tg
    expect 0 tgc emit $name.tg --stop-after=inspect
    expect 0 tgc emit $name.tg --stop-after=inspect --standalone
done
expect 0 tgc build log.tg -o liblog.so
exists log_model.h
expect 0 tgc build check.tg -o libcheck.a
exists check.h
expect 0 tgc emit tg.tg -o named
exists named/m_tg_model.c
