/* memory.js: the view "memory": the arena over the schedule, time to the right and addresses upwards; a rectangle for each
 * value, from the kernel that first writes it to the last that reads it.
 *
 * Dashed lines: the arena's size, and the least that any plan needs; the line within is what lives at each moment. Left and Right
 * go from value to value, Enter goes to the kernel that writes it. */
const MEMORY = {width: 960, height: 480, left: 64, right: 14, top: 26, bottom: 34}; /* the width is the view's */

function memoryScale(entry) {
  const most = Math.max(entry.arena_bytes, entry.lower_bound, 1), turns = Math.max(entry.turns + 1, 1);
  const wide = MEMORY.width - MEMORY.left - MEMORY.right, high = MEMORY.height - MEMORY.top - MEMORY.bottom;
  return {most, turns, x: turn => MEMORY.left + wide * turn / turns, y: bytes => MEMORY.top + high * (1 - bytes / most)};
}

const tenantsOf = entry => entry.buffers.filter(buffer => buffer.kind === 'arena' && buffer.first !== undefined);

/* What kernels write one by one, each from its own first turn on: [from, bytes, first, last]. */
const staysOf = buffer => buffer.stays || [[0, buffer.bytes, buffer.first, buffer.last]];

/* The bytes in use during each turn; where one value is written over another, once. */
function liveBytes(entry) {
  const live = new Array(entry.turns + 1).fill(0);
  for (const buffer of tenantsOf(entry))
    for (const [, bytes, first, last] of staysOf(buffer))
      for (let turn = first; turn <= last - (buffer.under === undefined ? 0 : 1) && turn < live.length; turn++) live[turn] += bytes;
  return live;
}

function tenantWords(buffer) {
  const launches = current.index.entry.launches, writer = buffer.writers.length ? kernelName(launches[buffer.writers[0]]) : 'nobody';
  const last = buffer.readers.length ? kernelName(launches[buffer.readers[buffer.readers.length - 1]]) : 'nobody';
  return `${buffer.name}: ${amount(buffer.bytes, 'B')} at ${amount(buffer.offset, 'B')}\nturns ${buffer.first} to ${buffer.last}\nwritten by ${writer}, last read by ${last}`;
}

function tenantPhase(buffer) {
  const launch = current.index.entry.launches[buffer.writers[0]];
  return launch ? launch.phase : 'forward';
}

/* Of the kernels that are chosen: what they read and write is outlined. */
function chosenBuffers() {
  const {line, kernel, instance, index} = current, found = new Set(), numbers = new Set();
  if (kernel !== null) numbers.add(kernel);
  else if (line) for (const [number, part] of line.entry.launches) if (part.main && (!instance || part.instances.has(instance))) numbers.add(number);
  for (const number of numbers) {
    const launch = index.entry.launches[number];
    [...launch.reads, ...launch.writes].forEach(id => found.add(id));
  }
  return found;
}

function drawTenant(buffer, scale, chosen) {
  const x = scale.x(buffer.first), width = scale.x(buffer.last + 1) - x, y = scale.y(buffer.offset + buffer.bytes), height = scale.y(buffer.offset) - y;
  const made = drawing('g', {class: `tenant ${tenantPhase(buffer)}${chosen.has(buffer.id) ? ' chosen' : ''}`, 'data-buffer': buffer.id},
    ...staysOf(buffer).map(([from, bytes, first, last]) => {
      const left = scale.x(first), right = scale.x(last + 1), top = scale.y(buffer.offset + from + bytes), bottom = scale.y(buffer.offset + from);
      return drawing('rect', {x: left.toFixed(2), y: top.toFixed(2), width: Math.max(right - left, 0.7).toFixed(2), height: Math.max(bottom - top, 0.5).toFixed(2)});
    }));
  if (width > 7 * buffer.name.length + 6 && height > 13)
    made.append(drawing('text', {x: (x + width / 2).toFixed(1), y: (y + height / 2 + 4).toFixed(1)}, buffer.name));
  made.dataset.tip = tenantWords(buffer);
  return made;
}

function drawBound(scale, bytes, label, name, above) {
  const y = scale.y(bytes);
  return drawing('g', {class: `bound ${name}`},
    drawing('line', {x1: MEMORY.left, x2: MEMORY.width - MEMORY.right, y1: y, y2: y}),
    drawing('text', {x: above ? MEMORY.left + 6 : MEMORY.width - MEMORY.right - 6, y: above ? y - 7 : y + 14, 'text-anchor': above ? 'start' : 'end'}, `${label} ${amount(bytes, 'B')}`));
}

function drawAxes(entry, scale) {
  const axes = drawing('g', {class: 'axes'}), step = 10 ** Math.floor(Math.log10(scale.turns / 4 || 1)), stride = Math.max(1, scale.turns / step > 20 ? 5 * step : scale.turns / step > 8 ? 2 * step : step);
  for (let part = 0; part <= 4; part++) {
    const bytes = scale.most * part / 4, y = scale.y(bytes);
    axes.append(drawing('line', {x1: MEMORY.left - 4, x2: MEMORY.left, y1: y, y2: y}),
                drawing('text', {x: MEMORY.left - 8, y: y + 4, 'text-anchor': 'end'}, amount(bytes, 'B')));
  }
  for (let turn = 0; turn < scale.turns; turn += stride)
    axes.append(drawing('text', {x: scale.x(turn), y: MEMORY.height - MEMORY.bottom + 16, 'text-anchor': 'middle'}, String(turn)));
  axes.append(drawing('text', {x: MEMORY.width - MEMORY.right, y: MEMORY.height - 4, 'text-anchor': 'end'}, 'turn of the schedule'));
  return axes;
}

/* Where the backward pass and the update begin. */
function drawPhases(entry, scale) {
  const made = drawing('g', {class: 'begins'});
  for (const phase of ['backward', 'update']) {
    const launches = entry.launches, last = launches.map(launch => launch.phase).lastIndexOf(phase === 'backward' ? 'forward' : 'backward');
    const first = launches.find(launch => launch.number > last && launch.phase === phase);
    if (last < 0 || !first || scale.turns < 3) continue;
    const x = scale.x(first.turn), late = x > 0.8 * MEMORY.width;
    made.append(drawing('line', {x1: x, x2: x, y1: MEMORY.top, y2: MEMORY.height - MEMORY.bottom}),
                drawing('text', {x: late ? x - 4 : x + 4, y: MEMORY.top + 30, 'text-anchor': late ? 'end' : 'start'}, phase));
  }
  return made;
}

function drawMemory(entry) {
  const scale = memoryScale(entry), chosen = chosenBuffers(), live = liveBytes(entry);
  let path = '';
  live.forEach((bytes, turn) => { path += `${turn ? 'L' : 'M'}${scale.x(turn).toFixed(1)},${scale.y(bytes).toFixed(1)}L${scale.x(turn + 1).toFixed(1)},${scale.y(bytes).toFixed(1)}`; });
  const tenants = drawing('g', {class: chosen.size ? 'tenants some' : 'tenants'}, ...tenantsOf(entry).map(buffer => drawTenant(buffer, scale, chosen)));
  return drawing('svg', {viewBox: `0 0 ${MEMORY.width} ${MEMORY.height}`, class: 'memory', tabindex: 0, role: 'application',
                         'aria-label': `the arena over ${entry.turns} turns: ${tenantsOf(entry).length} values; Left and Right go through them`},
    drawAxes(entry, scale), tenants, drawing('path', {d: path, class: 'live'}), drawPhases(entry, scale),
    drawBound(scale, entry.arena_bytes, 'arena', 'arena', true), drawBound(scale, entry.lower_bound, 'no plan needs less than', 'lower', false));
}

function largestTenants(entry) {
  const rows = tenantsOf(entry).sort((a, b) => b.bytes - a.bytes).slice(0, 12).map(buffer => {
    const launch = entry.launches[buffer.writers[0]];
    return element('tr', {}, element('td', {}, launch ? element('a', {href: link_to({k: launch.number, at: mainLine(launch), in: null, view: 'kernels'})}, buffer.name) : buffer.name),
      element('td', {class: 'figure'}, amount(buffer.bytes, 'B')), element('td', {class: 'figure'}, amount(buffer.offset, 'B')),
      element('td', {class: 'figure'}, `${buffer.first} to ${buffer.last}`), element('td', {}, launch ? kernelName(launch) : ''));
  });
  return element('table', {class: 'plain'}, element('caption', {}, 'the largest'),
    element('thead', {}, element('tr', {}, ...['value', 'bytes', 'at', 'turns', 'written by'].map(title => element('th', {scope: 'col'}, title)))),
    element('tbody', {}, ...rows));
}

function goToTenant(group) {
  const buffer = current.index.buffer.get(Number(group.dataset.buffer)), launch = current.index.entry.launches[buffer.writers[0]];
  if (launch) go({k: launch.number, at: mainLine(launch), in: null, view: 'kernels'});
}

function moveTenant(event) {
  const groups = [...event.currentTarget.querySelectorAll('.tenant')], at = groups.findIndex(group => group.classList.contains('current'));
  const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
  if (event.key === 'Enter' && at >= 0) goToTenant(groups[at]);
  if (!step || !groups.length) return;
  event.preventDefault();
  groups.sort((a, b) => current.index.buffer.get(Number(a.dataset.buffer)).first - current.index.buffer.get(Number(b.dataset.buffer)).first);
  const before = groups.findIndex(group => group.classList.contains('current'));
  groups.forEach(group => group.classList.remove('current'));
  const next = groups[Math.min(groups.length - 1, Math.max(0, before + step))];
  next.classList.add('current');
  showTip(next.dataset.tip, next.getBoundingClientRect());
}

function showMemory(view) {
  const entry = current.index.entry;
  if (!tenantsOf(entry).length) {
    view.replaceChildren(element('p', {class: 'hint'}, `${entry.name} needs no arena: every value goes straight to a result or a variable.`));
    return;
  }
  MEMORY.width = Math.max(560, view.clientWidth - 34);
  const picture = drawMemory(entry);
  picture.addEventListener('keydown', moveTenant);
  picture.addEventListener('click', event => {
    const group = event.target.closest('.tenant');
    if (group) goToTenant(group);
  });
  const legend = element('p', {class: 'legend'}, ...['forward', 'both', 'backward', 'update'].map(phase => element('span', {}, element('i', {class: phase}), `written by ${phase}`)),
                         element('span', {}, element('i', {class: 'live'}), 'in use'));
  view.replaceChildren(legend, element('div', {class: 'scroll'}, picture), largestTenants(entry));
}
