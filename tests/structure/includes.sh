# Includes point back along base <- lang <- graph <- ops <- pass <- kernel <- loop <- emit <- pipeline <- command; the
# runtime includes nothing of the compiler. Proved on the tree, and on a copy of a layer with an upward include put in.
order='base lang graph ops pass kernel loop emit command'

upward() { # upward FOLDER: prints each include that points the wrong way
    local folder=$1 allowed='' layer file target
    for layer in $order; do
        allowed="$allowed $layer"
        for file in "$folder/compiler/$layer"/*.[ch]; do
            [ -e "$file" ] || continue
            sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file" | while read -r target; do
                case $target in
                */*) [[ " $allowed " == *" ${target%%/*} "* ]] || echo "${file#"$folder/"} includes $target" ;;
                pipeline.h) [ "$layer" = command ] || echo "${file#"$folder/"} includes $target" ;;
                esac
            done
        done
    done
    for file in "$folder/runtime"/*.[ch]; do
        [ -e "$file" ] || continue
        sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"\([^"]*\)".*/\1/p' "$file" | while read -r target; do
            [[ $target != */* ]] || echo "${file#"$folder/"} includes $target"
        done
    done
}

found=$(upward "$TGC_ROOT")
[ -z "$found" ] || fail "upward includes: $found"

mkdir -p copy/compiler/graph copy/runtime
echo '#include "ops/ops.h"' >copy/compiler/graph/node.c
echo '#include "base/base.h"' >copy/compiler/graph/shape.c
echo '#include "graph/graph.h"' >copy/runtime/core.c
[ "$(upward copy | wc -l)" = 2 ] || fail "an upward include goes unnoticed: $(upward copy)"
