# tgc inspect --html in a headless browser: lines, kernels, the graph, memory and work by clicks and keys; in both colour
# schemes and at two widths; nothing is asked for from elsewhere and the console stays empty.
cat >m.tg <<'TG'
tg 1
import "nn.tg"

# </script> <!-- & " the page must not end here
dim B = 4, I = 6, H = 5, O = 3
use up = Affine(I, H), down = Affine(H, O)

train step(x: [B, I], label: i32[B]) -> (loss: []) {
  h = gelu(up(x))
  loss = cross_entropy(down(h), label)
} using adam(lr = 0.001, clip = 1.0)

graph guess(x: [B, I]) -> (y: [B, O]) {
  y = softmax(down(gelu(up(x))))
}
TG
expect 0 tgc inspect m.tg --html m.html --target portable
stdout_empty
grep -q '^<!doctype html>' m.html || fail 'm.html is no page'
! grep -qE '(src|href)="?(https?:)?//|@import|url\(h|fetch\(|XMLHttp' m.html || fail 'the page asks for something'
[ "$(grep -c '</script>' m.html)" = 2 ] || fail 'the model closes an element of the page'
expect 0 tgc inspect "$TGC_ROOT/bench/w1.tg" --html w1.html --target x86-64-v4
launches=$(tgc inspect "$TGC_ROOT/bench/w1.tg" step --target x86-64-v4 | grep -cE '^ *[0-9]+  *k[0-9]+_')
[ "$launches" -gt 100 ] || fail "$launches launches of W1's step"
[ "$(wc -c <w1.html)" -lt 1500000 ] || fail "w1.html has $(wc -c <w1.html) bytes"
expect 3 tgc inspect m.tg --html nowhere/m.html
absent nowhere

for browser in chromium chromium-browser google-chrome; do command -v "$browser" >/dev/null && break; done
command -v "$browser" >/dev/null || skip 'no Chromium'

count() { echo "document.querySelectorAll(\"$1\").length"; }
cat >steps <<STEPS
size 1200 850
scheme light
open m.html
expect document.title === 'm - tgc inspect'
expect getComputedStyle(document.body).backgroundColor === 'rgb(246, 246, 243)'
expect document.querySelector('#chosen').textContent === 'the whole entry point'
expect document.querySelectorAll('#lines li').length === 15
expect document.querySelector('#lines li:nth-child(4)').textContent.includes('</script> <!--')
# a line: its kernels, forward and backward, with the rule and the C
click #lines a[data-at='m.tg:9']
expect location.hash === '#at=m.tg:9'
expect document.querySelector('#lines [aria-current]').dataset.at === 'm.tg:9'
expect document.querySelector('[data-phase=forward] .kernel[open] summary b').textContent.endsWith('_h')
expect [...document.querySelectorAll('[data-phase=backward] summary b')].some(name => name.textContent.endsWith('_d_W'))
expect [...document.querySelectorAll('[data-phase=backward] .kernel[open] .rule')].some(rule => /^d[A-Z] = .*G/.test(rule.textContent))
expect document.querySelector('.kernel[open] pre').textContent.includes('static void step_k')
expect document.querySelector('.kernel[open] pre .keyword') && document.querySelector('.kernel[open] pre .type') !== null
expect $(count '[data-phase=backward] .kernel') > 2
# a closed kernel opens
click [data-phase=backward] .kernel:not([open]) summary
expect $(count '[data-phase=backward] .kernel[open]') > 1
# a place within a kernel leads to its line
click [data-phase=backward] .kernel[open] .place a
expect document.querySelector('#lines [aria-current]').dataset.at === 'nn.tg:15'
expect document.querySelector('#files [aria-selected=true]').textContent === 'nn.tg'
expect document.querySelector('#instance').options.length === 3
# the graph around the line
open m.html#at=m.tg:9
click #tab-graph
expect location.hash === '#at=m.tg:9&view=graph'
expect $(count '.graph .box') > 8
expect $(count '.graph .edges path') >= 10
expect [...document.querySelectorAll('.box .name')].some(name => name.textContent === 'h')
expect [...document.querySelectorAll('.box')].every(box => { const own = box.getBoundingClientRect(); return own.width > 20 && own.height > 10; })
expect (() => { const boxes = [...document.querySelectorAll('.box rect')].map(box => box.getBoundingClientRect()); return boxes.every((a, i) => boxes.every((b, j) => i >= j || a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top)); })()
click input[value=backward]
expect $(count '.graph .box.backward:not(.around)') === 0
click input[value=kernels]
expect document.querySelector('.box .kind').textContent.includes(':')
click .graph a
expect location.hash.includes('k=')
# memory: every tenant of the arena, within its bounds
open m.html#at=m.tg:9
click #tab-memory
expect $(count '.tenant') === data.entries[0].buffers.filter(buffer => buffer.first !== undefined).length
expect $(count '.tenant.chosen') > 0
expect document.querySelector('.bound.arena text').textContent.startsWith('arena ')
expect document.querySelector('.bound.lower text').textContent.startsWith('no plan needs less than ')
hover .tenant.chosen
expect !document.querySelector('#tip').hidden && document.querySelector('#tip').textContent.includes('written by step_k')
click .tenant.chosen
expect location.hash.includes('view=kernels') && location.hash.includes('k=')
expect document.querySelector('.kernel[open] dd') !== null
# work: all launches, sorted by a click
click #tab-work
expect $(count '.work tbody tr') === data.entries[0].launches.length
click button[data-key=flop]
expect document.querySelector('th[aria-sort=descending]').textContent === 'FLOP'
expect Number(document.querySelector('.work tbody tr').dataset.launch) === data.entries[0].launches.reduce((most, launch) => launch.flop > most.flop ? launch : most).number
click button[data-key=flop]
expect document.querySelector('th[aria-sort=ascending]').textContent === 'FLOP'
click .work tbody tr:last-child a
expect $(count '.kernel[open]') > 0
# keys alone: along the lines, along the tabs, along the tenants
open m.html
print (document.querySelector('#lines a').focus(), 'keys')
key ArrowDown
key Enter
expect document.querySelector('#lines [aria-current]').dataset.at === 'm.tg:10'
print (document.querySelector('#tab-kernels').focus(), 'keys')
key ArrowRight
key ArrowRight
expect location.hash.includes('view=memory') && document.activeElement.id === 'tab-memory'
print (document.querySelector('svg.memory').focus(), 'keys')
key ArrowRight
expect $(count '.tenant.current') === 1
key Enter
expect location.hash.includes('view=kernels')
# the other entry point, dark, narrow
size 700 900
scheme dark
open m.html#entry=guess&at=m.tg:14
expect getComputedStyle(document.body).backgroundColor === 'rgb(20, 22, 26)'
expect document.querySelector('#summary').textContent.startsWith(data.entries[1].launches.length + ' launch')
expect document.querySelector('[data-phase=backward]') === null
expect document.documentElement.scrollWidth <= 700
expect document.querySelector('#detail').getBoundingClientRect().top >= document.querySelector('#source').getBoundingClientRect().bottom - 1
click #theme
expect getComputedStyle(document.body).backgroundColor === 'rgb(246, 246, 243)'
# a model of the size of a Transformer's training step
size 1200 850
open w1.html#at=w1.tg:17&in=enc.0&view=graph
expect $(count '.graph .box') > 20
click #tab-memory
expect $(count '.tenant') > 200
click #tab-work
expect $(count '.work tbody tr') == $launches
click #lines a[data-at='w1.tg:21']
click #tab-kernels
expect $(count '[data-phase=backward] .kernel') > 50
STEPS
expect 0 "$TGC_TOOLS/browser" "$browser" steps
[ "$(grep -c keys .stdout)" = 3 ] || fail 'keys were not tried'
