# The C and the output shown in the documents are what the compiler writes today: scripts/excerpts wrote them.
expect 0 "$TGC_ROOT/scripts/excerpts" --check
