# bench/compare measures a row and keeps it, and bench/report makes a page's table of it; neither needs a peer.
command -v python3 >/dev/null || skip 'there is no python3'
export TGC
compare=$TGC_ROOT/bench/compare report=$TGC_ROOT/bench/report
expect 0 "$compare" --list
for row in 'W1 step' 'W2 step' 'W3 T=4096' 'W4 tn 512 of' 'W5 adamw' 'W6 one token' 'W1 B=16 L=24' 'W1 B=16 V=50000'; do
    stdout_has "$row"
done
expect 1 "$compare" W9
stderr_has "there is no set or row 'W9'"

expect 0 "$compare" --quick --seconds 0.01 --by tgc --threads 1 --json kept.jsonl 'W4 nn 256 x 768 x 768' 'W5 gelu 2048 x 1024'
stdout_matches 'W4 nn 256 x 768 x 768 +[0-9.]+ +- +[0-9]+ %'
expect 0 grep -c . kept.jsonl
stdout_has 3 # the run, two rows

printf 'before\n<!-- results: products -->\nold\n<!-- end -->\nbetween\n<!-- results: attention -->\nstays\n<!-- end -->\n' >page.md
mkdir pictures
expect 1 "$report" --check --docs page.md kept.jsonl
expect 0 "$report" --docs page.md kept.jsonl
expect 0 cat page.md
for line in before '| W4 nn 256 x 768 x 768 |' between stays 'bench/compare --quick'; do stdout_has "$line"; done
for line in old '| W5 gelu'; do stdout_lacks "$line"; done
expect 0 "$report" --check --docs page.md kept.jsonl
