/* data.js: the object of tgc inspect --json, and what is found in it by line, by instance and by buffer.
 *
 * A node belongs to every line of its place: its own and those of the calls that lead there. A launch belongs to the lines
 * of all nodes that it computes; its main lines are those of its main value. */
const data = JSON.parse(document.getElementById('data').textContent);

/* ---- small helpers for the page ---- */

function element(name, properties, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? '' : value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined && child !== false));
  return made;
}

function drawing(name, attributes, ...children) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes || {}))
    if (value !== undefined && value !== null) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function amount(number, unit) {
  const scale = ['', 'k', 'M', 'G', 'T'];
  let step = 0;
  while (number >= 999.5 && step < 4) {
    number /= 1000;
    step++;
  }
  const digits = number >= 99.95 || Number.isInteger(number) ? number.toFixed(0) : number.toPrecision(number < 1 ? 2 : 3);
  return `${digits} ${scale[step]}${unit}`.trim();
}

function seconds(number) {
  if (!number) return '0 s';
  const units = ['s', 'ms', 'µs', 'ns'];
  let step = 0;
  while (number < 0.9995 && step < 3) {
    number *= 1000;
    step++;
  }
  return `${number.toPrecision(3)} ${units[step]}`;
}

const percent = share => `${(100 * share).toFixed(1)} %`;

/* ---- an entry point, indexed once ---- */

const lineKey = (source, line) => `${source}:${line}`;
const fileLine = (source, line) => `${data.sources[source].file}:${line}`;
const placeOf = index => (index >= 0 ? data.places[index] : []);
const indexed = new Map();

function lineOf(index, key) {
  let line = index.lines.get(key);
  if (!line) index.lines.set(key, line = {nodes: [], launches: new Map(), instances: new Set(), forward: 0, backward: 0, update: 0});
  return line;
}

/* Every line that a node's value comes through, with the instance that worked there. */
function* linesOf(node) {
  const seen = new Set();
  for (const [source, line, instance] of placeOf(node.place)) {
    const key = lineKey(source, line);
    if (!seen.has(key)) yield [key, instance];
    seen.add(key);
  }
}

function indexNodes(index, entry) {
  for (const node of entry.nodes) {
    index.node.set(node.id, node);
    node.users = [];
    node.launches = [];
  }
  for (const node of entry.nodes) {
    for (const id of node.from) index.node.get(id).users.push(node.id);
    for (const [key, instance] of linesOf(node)) {
      const line = lineOf(index, key);
      line.nodes.push({node, instance});
      if (node.kind !== 'leaf' && node.kind !== 'view') line.instances.add(instance);
    }
  }
}

/* What a launch means to a line: by instance and phase, and whether its main value stands there. */
function indexLaunch(index, launch) {
  const time = launch.phase === 'both' ? 'forward' : launch.phase;
  const main = new Set(placeOf(launch.place).map(([source, line]) => lineKey(source, line)));
  for (const key of main) lineOf(index, key)[time] += launch.seconds;
  for (const id of launch.nodes) {
    const node = index.node.get(id);
    node.launches.push(launch.number);
    for (const [key, instance] of linesOf(node)) {
      const launches = lineOf(index, key).launches;
      let part = launches.get(launch.number);
      if (!part) launches.set(launch.number, part = {main: main.has(key), instances: new Set(), phases: new Set()});
      part.instances.add(instance);
      part.phases.add(node.phase);
    }
  }
}

function indexBuffers(index, entry) {
  for (const buffer of entry.buffers) {
    buffer.writers = [];
    buffer.readers = [];
    index.buffer.set(buffer.id, buffer);
  }
  for (const launch of entry.launches) {
    for (const id of launch.writes) index.buffer.get(id).writers.push(launch.number);
    for (const id of launch.reads) index.buffer.get(id).readers.push(launch.number);
  }
}

function indexOf(entry) {
  if (indexed.has(entry)) return indexed.get(entry);
  const index = {entry, node: new Map(), buffer: new Map(), lines: new Map()};
  entry.launches.forEach((launch, number) => { launch.number = number; });
  indexNodes(index, entry);
  for (const launch of entry.launches) indexLaunch(index, launch);
  indexBuffers(index, entry);
  indexed.set(entry, index);
  return index;
}

const kernelName = launch => data.kernels[launch.kernel].name;
const nodeTitle = node => node.name || (node.value !== undefined ? node.value : `v${node.id}`);
