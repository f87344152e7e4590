/* source.js: the model's files, a line each; a line that kernels come from is a link, with the time that is spent on it.
 *
 * Up and Down go from one such line to the next, Enter chooses it. */

function timeOf(line) {
  return line ? line.forward + line.backward + line.update : 0;
}

/* Three parts of a bar whose whole width is the line of the file where most time goes. */
function heat(line, most) {
  const bar = element('span', {class: 'heat', 'aria-hidden': 'true'});
  if (!timeOf(line)) return bar;
  for (const phase of ['forward', 'backward', 'update'])
    if (line[phase]) bar.append(element('i', {class: phase, style: `width:${(100 * line[phase] / most).toFixed(2)}%`}));
  return bar;
}

function timeWords(line, index) {
  const total = index.entry.seconds || 1;
  const parts = ['forward', 'backward', 'update'].filter(phase => line[phase]).map(phase => `${phase} ${percent(line[phase] / total)}`);
  return parts.length ? `of the time: ${parts.join(', ')}` : 'computed on the way in kernels of other lines';
}

function sourceLine(index, source, number, text, most) {
  const line = index.lines.get(lineKey(source, number));
  const code = element('code', {}, highlight(text, 'tg'));
  const count = element('span', {class: 'number'}, String(number));
  if (!line || !line.launches.size) return element('li', {}, element('span', {class: 'line'}, count, code, heat(null, 1)));
  const at = fileLine(source, number);
  const link = element('a', {class: 'line', href: link_to({at, in: null, k: null}), 'data-at': at, title: timeWords(line, index)},
                       count, code, heat(line, most));
  return element('li', {}, link);
}

function showFiles(source) {
  const files = document.getElementById('files');
  files.replaceChildren(...data.sources.map((file, number) => element('button', {
    type: 'button', role: 'tab', 'aria-selected': String(number === source), tabindex: number === source ? 0 : -1,
    onclick: () => showSource(number),
  }, file.file)));
}

const shown = {entry: null, source: -1};

function showSource(source) {
  const index = current.index, list = document.getElementById('lines');
  if (shown.entry === index.entry && shown.source === source) return;
  shown.entry = index.entry;
  shown.source = source;
  const lines = data.sources[source].text.split('\n');
  if (lines[lines.length - 1] === '') lines.pop();
  const times = lines.map((text, number) => timeOf(index.lines.get(lineKey(source, number + 1))));
  const most = Math.max(...times, 1e-30);
  list.replaceChildren(...lines.map((text, number) => sourceLine(index, source, number + 1, text, most)));
  showFiles(source);
}

function markLine() {
  for (const old of document.querySelectorAll('#lines [aria-current]')) old.removeAttribute('aria-current');
  if (!current.line) return;
  const link = document.querySelector(`#lines [data-at="${CSS.escape(fileLine(current.line.source, current.line.number))}"]`);
  if (!link) return;
  link.setAttribute('aria-current', 'true');
  const list = document.getElementById('lines'), box = link.getBoundingClientRect(), frame = list.getBoundingClientRect();
  if (box.top < frame.top || box.bottom > frame.bottom) list.scrollTop += box.top - frame.top - frame.height / 3;
}

function moveLine(event) {
  const step = {ArrowDown: 1, ArrowUp: -1}[event.key];
  if (!step) return;
  const links = [...document.querySelectorAll('#lines a')], at = links.indexOf(document.activeElement);
  const next = links[at + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
}
