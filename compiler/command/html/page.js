/* page.js: what is chosen, which stands behind the # of the address, and what is shown of it.
 *
 *     #entry=step&at=m.tg:31&in=enc.0&view=graph&k=12&level=kernels
 *
 * A link changes the address, a changed address chooses: so Back works and a page can be pointed into. */
const views = {kernels: showKernels, graph: showGraph, memory: showMemory, work: showWork};
const current = {index: null, line: null, instance: null, kernel: null, view: 'kernels', level: null, phases: new Set(['forward', 'backward', 'update'])};

const wordsOfAddress = () => Object.fromEntries(new URLSearchParams(location.hash.slice(1)));

/* The address with some of its words changed; null takes one away. */
function link_to(changes) {
  const words = new URLSearchParams();
  for (const [key, value] of Object.entries({...wordsOfAddress(), ...changes}))
    if (value !== null && value !== undefined && value !== '') words.set(key, value);
  return `#${words.toString().replaceAll('%3A', ':')}`;
}

function go(changes) {
  location.hash = link_to(changes);
}

/* ---- from the address ---- */

function lineAt(index, at) {
  const split = (at || '').lastIndexOf(':'), source = data.sources.findIndex(file => file.file === at.slice(0, split)), number = Number(at.slice(split + 1));
  const entry = source >= 0 && index.lines.get(lineKey(source, number));
  return entry && entry.launches.size ? {source, number, entry} : null;
}

function readAddress() {
  const words = wordsOfAddress(), entry = data.entries.find(one => one.name === words.entry) || data.entries[0];
  current.index = indexOf(entry);
  current.line = words.at ? lineAt(current.index, words.at) : null;
  current.instance = current.line && current.line.entry.instances.has(words.in) ? words.in : null;
  current.kernel = words.k !== undefined && entry.launches[Number(words.k)] ? Number(words.k) : null;
  current.view = views[words.view] ? words.view : 'kernels';
  current.level = ['operations', 'kernels'].includes(words.level) ? words.level : null;
}

/* ---- what is shown ---- */

function showHead() {
  const {entry} = current.index, {machine} = data;
  document.getElementById('title').textContent = data.model;
  document.getElementById('entry').value = entry.name;
  document.getElementById('summary').textContent =
    `${entry.launches.length} launches, ${amount(entry.flop, 'FLOP')}, ${amount(entry.bytes, 'B')}, arena ${amount(entry.arena_bytes, 'B')}; ` +
    `estimated ${seconds(entry.seconds)} on ${machine.threads} thread${machine.threads === 1 ? '' : 's'} of ${machine.name}, ${data.dtype}`;
}

function showSelection() {
  const {line, kernel, index} = current, title = document.getElementById('chosen');
  const instances = line ? [...line.entry.instances].sort((a, b) => a.localeCompare(b, 'en', {numeric: true})) : [];
  if (line) title.replaceChildren(element('span', {class: 'at'}, fileLine(line.source, line.number)), ' ',
                                  element('code', {}, highlight(data.sources[line.source].text.split('\n')[line.number - 1].trim(), 'tg')));
  else title.textContent = kernel === null ? 'the whole entry point' : kernelName(index.entry.launches[kernel]);
  document.getElementById('instances').hidden = instances.length < 2;
  const select = document.getElementById('instance');
  select.replaceChildren(element('option', {value: ''}, `all ${instances.length}`), ...instances.map(name => element('option', {value: name}, name || '(the entry point)')));
  select.value = current.instance || '';
}

function showTabs() {
  document.getElementById('views').replaceChildren(...Object.keys(views).map(name => element('a', {
    href: link_to({view: name}), role: 'tab', id: `tab-${name}`, 'aria-selected': String(name === current.view), tabindex: name === current.view ? 0 : -1,
  }, name)));
  document.getElementById('view').setAttribute('aria-labelledby', `tab-${current.view}`);
}

function showAll() {
  const focused = document.activeElement && document.activeElement.id;
  readAddress();
  hideTip();
  showHead();
  showSource(current.line ? current.line.source : Math.max(shown.source, 0));
  markLine();
  showSelection();
  showTabs();
  const view = document.getElementById('view');
  view.scrollTop = 0;
  views[current.view](view);
  if (focused && focused.startsWith('tab-')) document.getElementById(`tab-${current.view}`).focus();
}

/* ---- what hovers ---- */

function showTip(words, box) {
  const tip = document.getElementById('tip');
  tip.textContent = words;
  tip.hidden = false;
  const own = tip.getBoundingClientRect(), room = document.documentElement;
  const x = Math.min(Math.max(4, box.left), room.clientWidth - own.width - 8);
  const below = box.bottom + 8 + own.height < room.clientHeight;
  tip.style.left = `${x}px`;
  tip.style.top = `${below ? box.bottom + 8 : Math.max(4, box.top - own.height - 8)}px`;
}

function hideTip() {
  document.getElementById('tip').hidden = true;
}

function hover(event) {
  const target = event.target.closest ? event.target.closest('[data-tip]') : null;
  if (!target) {
    hideTip();
    return;
  }
  const at = {left: event.clientX + 12, top: event.clientY, bottom: event.clientY + 10};
  showTip(target.dataset.tip, event.type === 'focusin' ? target.getBoundingClientRect() : at);
}

/* ---- keys, colours, the beginning ---- */

function moveTab(event) {
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (!step) return;
  event.preventDefault();
  const tabs = [...event.currentTarget.querySelectorAll('[role=tab]')], at = tabs.indexOf(document.activeElement);
  const next = tabs[(at + step + tabs.length) % tabs.length];
  next.focus();
  next.click();
}

function nextTheme() {
  const names = ['system', 'light', 'dark'], root = document.documentElement;
  const next = names[(names.indexOf(root.dataset.theme || 'system') + 1) % names.length];
  if (next === 'system') delete root.dataset.theme;
  else root.dataset.theme = next;
  document.getElementById('theme').textContent = `colours: ${next}`;
}

function begin() {
  const entries = document.getElementById('entry'), list = document.getElementById('lines');
  entries.append(...data.entries.map(entry => element('option', {value: entry.name}, entry.name)));
  entries.addEventListener('change', () => go({entry: entries.value, at: null, in: null, k: null}));
  document.getElementById('instance').addEventListener('change', event => go({in: event.target.value, k: null}));
  document.getElementById('theme').addEventListener('click', nextTheme);
  list.addEventListener('keydown', moveLine);
  document.getElementById('views').addEventListener('keydown', moveTab);
  document.getElementById('files').addEventListener('keydown', moveTab);
  document.addEventListener('mousemove', hover);
  document.addEventListener('focusin', hover);
  document.addEventListener('keydown', event => { if (event.key === 'Escape') hideTip(); });
  window.addEventListener('hashchange', showAll);
  window.addEventListener('resize', () => { if (['graph', 'memory'].includes(current.view)) views[current.view](document.getElementById('view')); });
  showAll();
}

begin();
