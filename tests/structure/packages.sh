# docs/dependencies.md speaks of every package that scripts/setup may install; a second setup installs nothing, quickly.
cut -f2 "$TGC_ROOT/scripts/packages.tsv" | grep -v '^#' | while read -r package; do
    grep -qF "\`$package\`" "$TGC_ROOT/docs/dependencies.md" || echo "$package"
done >missing
[ ! -s missing ] || fail "docs/dependencies.md lacks: $(cat missing)"
expect 2 "$TGC_ROOT/scripts/setup" --no-such-option
expect 0 "$TGC_ROOT/scripts/setup" --help
# a machine without apt-get and with nothing installed: the command to type, status 1
mkdir bin
for tool in bash dirname tr sort sed cat printf env; do ln -s "$(command -v $tool)" bin/; done
expect 1 env PATH="$PWD/bin" bash "$TGC_ROOT/scripts/setup"
stderr_has 'dnf install'
stderr_has 'brew install'
