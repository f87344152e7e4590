# What the written C promises to its reader, over every model of tests/models, examples and bench: each kernel names the
# line of the model it comes from, each backward kernel the rule or that it is computed again; each name of a formula
# stands in the code below it; the table of contents is true; gcc and clang have nothing to say; clang-format changes
# nothing.
cd "$TGC_ROOT" || exit 1
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
models=$(ls tests/models/*.tg examples/*/*.tg bench/w1.tg)
grep -oE 'OP\([a-z_0-9]*\)' compiler/ops/ops.def | sed 's/OP(\(.*\))/\1/' >"$folder/ops"

for model in $models; do
    name=$(basename "$model" .tg)
    tgc emit "$model" -o "$folder/$name" --target x86-64-v3 >/dev/null || fail "tgc emit $model"
    cp "$folder/$name/.clang-format" "$folder" 2>/dev/null
    c=$folder/$name/$name.c
    awk -v model="$model" -f tests/structure/reading.awk "$folder/ops" "$c" >"$folder/found" || fail "awk on $model"
    [ -s "$folder/found" ] && fail "$(head -20 "$folder/found")"
    warnings='-Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Werror'
    for cc in gcc clang; do
        command -v $cc >/dev/null || continue
        $cc -std=gnu11 -march=x86-64-v3 -fsyntax-only $warnings -Iruntime -I"$(dirname "$model")" "$c" 2>"$folder/said" ||
            fail "$cc on the C of $model: $(head -5 "$folder/said")"
    done
    for cc in g++ clang++; do
        command -v $cc >/dev/null || continue
        $cc -x c++ -std=c++11 $warnings -Wno-strict-prototypes -Wno-missing-prototypes -fsyntax-only \
            "$folder/$name/$name.h" 2>"$folder/said" ||
            grep -q 'valid for C' "$folder/said" || fail "$cc on the header of $model: $(head -5 "$folder/said")"
    done
    if command -v clang-format >/dev/null; then
        clang-format --dry-run -Werror "$c" "$folder/$name/$name.h" 2>"$folder/said" ||
            fail "clang-format would change the C of $model: $(head -3 "$folder/said")"
    fi
done
