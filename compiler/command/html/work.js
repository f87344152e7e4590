/* work.js: the view "work": all launches as rows of bars, FLOP and bytes and the estimated share; a click on a heading sorts. */
const WORK = [
  {key: 'number', title: '#', value: launch => launch.number, words: launch => String(launch.number)},
  {key: 'name', title: 'kernel', value: launch => kernelName(launch)},
  {key: 'phase', title: 'phase', value: launch => launch.phase},
  {key: 'line', title: 'line', value: launch => mainLine(launch) || ''},
  {key: 'flop', title: 'FLOP', bar: true, value: launch => launch.flop, words: launch => amount(launch.flop, '')},
  {key: 'bytes', title: 'bytes', bar: true, value: launch => launch.bytes, words: launch => amount(launch.bytes, '')},
  {key: 'intensity', title: 'FLOP/B', value: launch => launch.intensity, words: launch => launch.intensity.toPrecision(3)},
  {key: 'share', title: 'share', bar: true, value: launch => launch.share, words: launch => percent(launch.share)},
];
const sorting = {key: 'number', down: false};

function mainLine(launch) {
  const place = placeOf(launch.place)[0];
  return place ? fileLine(place[0], place[1]) : null;
}

function sortedLaunches(launches) {
  const column = WORK.find(one => one.key === sorting.key), sign = sorting.down ? -1 : 1;
  const compare = (a, b) => (typeof a === 'string' ? a.localeCompare(b, 'en', {numeric: true}) : a - b);
  return [...launches].sort((a, b) => sign * compare(column.value(a), column.value(b)) || a.number - b.number);
}

function workCell(column, launch, most) {
  const words = column.words ? column.words(launch) : column.value(launch);
  if (column.key === 'name')
    return element('th', {scope: 'row'}, element('a', {href: link_to({k: launch.number, at: mainLine(launch), in: null, view: 'kernels'})}, words));
  if (column.key === 'phase') return element('td', {}, element('span', {class: `badge ${launch.phase}`}, words));
  if (!column.bar) return element('td', {class: column.words ? 'figure' : ''}, words);
  const width = most[column.key] > 0 ? 100 * column.value(launch) / most[column.key] : 0;
  return element('td', {class: 'bar'}, element('i', {class: launch.phase, style: `width:calc((100% - 8px) * ${(width / 100).toFixed(4)})`}), element('span', {}, words));
}

function workRow(launch, most) {
  const row = element('tr', {'data-launch': launch.number}, ...WORK.map(column => workCell(column, launch, most)));
  if (isChosen(launch)) row.className = 'chosen';
  row.dataset.tip = `${launch.computes.join('\n')}\n${launch.kind}: ${launch.loops}${launch.tile ? `; tile ${launch.tile}` : ''}\n${costWords(launch)}`;
  return row;
}

function isChosen(launch) {
  if (current.kernel !== null) return launch.number === current.kernel;
  const part = current.line && current.line.entry.launches.get(launch.number);
  return Boolean(part && part.main && (!current.instance || part.instances.has(current.instance)));
}

function sortBy(column, view) {
  sorting.down = sorting.key === column.key ? !sorting.down : typeof column.value(current.index.entry.launches[0]) === 'number' && column.key !== 'number';
  sorting.key = column.key;
  showWork(view);
  view.querySelector(`button[data-key="${column.key}"]`).focus();
}

function showWork(view) {
  const launches = current.index.entry.launches, most = {};
  for (const column of WORK) if (column.bar) most[column.key] = Math.max(...launches.map(column.value), 0);
  const heads = WORK.map(column => element('th', {scope: 'col', 'aria-sort': sorting.key !== column.key ? 'none' : sorting.down ? 'descending' : 'ascending'},
    element('button', {type: 'button', 'data-key': column.key, onclick: () => sortBy(column, view)}, column.title)));
  const table = element('table', {class: 'work'}, element('thead', {}, element('tr', {}, ...heads)),
                        element('tbody', {}, ...sortedLaunches(launches).map(launch => workRow(launch, most))));
  view.replaceChildren(element('div', {class: 'scroll'}, table));
}
