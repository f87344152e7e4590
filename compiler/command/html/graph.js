/* graph.js: the view "graph": the operations of a line and what lies directly around them, or the kernels of a line and what
 * they read and write for; boxes are links to their lines or kernels.
 *
 * Views are walked through, and a constant stands in the box that reads it. */
const GRAPH = {most: 90, operations: 46, crowd: 30}; /* boxes at most; of operations alone; with kernels around */

const isDrawn = node => node.kind !== 'view' && node.op !== 'const';

/* The drawn nodes that `node` reads, through views. */
function sourcesOf(index, node, seen = new Set()) {
  const found = [];
  for (const id of node.from) {
    const from = index.node.get(id);
    if (seen.has(id)) continue;
    seen.add(id);
    if (isDrawn(from)) found.push(from);
    else if (from.kind === 'view') found.push(...sourcesOf(index, from, seen));
  }
  return found;
}

function readersOf(index, node, seen = new Set()) {
  const found = [];
  for (const id of node.users) {
    const user = index.node.get(id);
    if (seen.has(id)) continue;
    seen.add(id);
    if (isDrawn(user)) found.push(user);
    else found.push(...readersOf(index, user, seen));
  }
  return found;
}

/* ---- which operations ---- */

function focusNodes() {
  const {line, instance, index, kernel} = current;
  if (line) {
    const phases = current.phases;
    return line.entry.nodes.filter(part => isDrawn(part.node) && (!instance || part.instance === instance) && phases.has(part.node.phase)).map(part => part.node);
  }
  const launch = index.entry.launches[kernel];
  return launch ? launch.nodes.map(id => index.node.get(id)).filter(isDrawn) : [];
}

function operationGraph() {
  const {index} = current, focus = new Set(focusNodes()), around = new Set();
  const phase = node => current.phases.has(node.phase) || !current.line;
  for (const node of focus) {
    for (const other of sourcesOf(index, node)) if (!focus.has(other)) around.add(other);
    for (const other of readersOf(index, node)) if (!focus.has(other) && phase(other)) around.add(other);
  }
  const chosen = [...focus, ...around].slice(0, GRAPH.most), drawn = new Set(chosen);
  const edges = [];
  for (const node of chosen)
    for (const from of new Set(sourcesOf(index, node))) if (drawn.has(from)) edges.push([from.id, node.id]);
  const boxes = chosen.map(node => ({
    id: node.id, title: nodeTitle(node), detail: `${node.kind === 'leaf' ? '' : node.op} ${node.shape}`.trim(), phase: node.phase,
    around: !focus.has(node), leaf: node.kind === 'leaf', tip: operationTip(node), href: operationLink(node),
  }));
  return {boxes, edges, left: focus.size + around.size - chosen.length};
}

function operationTip(node) {
  const launches = node.launches.map(number => kernelName(current.index.entry.launches[number]));
  const [source, line] = placeOf(node.place)[0] || [];
  return [`${nodeTitle(node)} ${node.shape} = ${node.op}`, node.rule ? `rule ${node.rule}` : '', line ? fileLine(source, line) : '',
          launches.length ? `computed by ${launches.slice(0, 4).join(', ')}${launches.length > 4 ? ', …' : ''}` : ''].filter(Boolean).join('\n');
}

function operationLink(node) {
  const place = placeOf(node.place)[0];
  return place ? link_to({at: fileLine(place[0], place[1]), in: place[2] || null, k: node.launches.length ? node.launches[0] : null}) : null;
}

/* ---- which kernels ---- */

/* For each launch those before it that last wrote what it reads. */
function launchSources(index) {
  if (index.sources) return index.sources;
  const writer = new Map();
  index.sources = index.entry.launches.map(launch => {
    const from = new Set(launch.reads.filter(id => writer.has(id)).map(id => writer.get(id)));
    for (const id of launch.writes) writer.set(id, launch.number);
    from.delete(launch.number);
    return [...from];
  });
  return index.sources;
}

function kernelGraph() {
  const {index, line, instance, kernel} = current, launches = index.entry.launches, sources = launchSources(index), focus = new Set();
  if (line) {
    for (const [number, part] of line.entry.launches)
      if (part.main && (!instance || part.instances.has(instance)) && [...part.phases].some(phase => current.phases.has(phase))) focus.add(number);
  } else if (kernel !== null) focus.add(kernel);
  const around = new Set();
  launches.forEach(launch => sources[launch.number].forEach(from => {
    if (focus.has(launch.number) && !focus.has(from)) around.add(from);
    if (focus.has(from) && !focus.has(launch.number)) around.add(launch.number);
  }));
  const chosen = (focus.size > GRAPH.crowd ? [...focus] : [...focus, ...around]).slice(0, GRAPH.most), drawn = new Set(chosen), edges = [];
  for (const number of chosen) for (const from of sources[number]) if (drawn.has(from)) edges.push([from, number]);
  const boxes = chosen.map(number => {
    const launch = launches[number];
    return {id: number, title: kernelName(launch), detail: `${launch.kind}: ${launch.loops}`, phase: launch.phase, around: !focus.has(number),
            tip: `${launch.computes.join('\n')}\n${costWords(launch)}`, href: link_to({k: number, at: mainLine(launch), in: null})};
  });
  return {boxes, edges, left: focus.size + around.size - chosen.length};
}

/* ---- drawing ---- */

const shorten = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);

function drawBox(box) {
  const made = drawing('g', {class: `box ${box.phase}${box.around ? ' around' : ''}${box.leaf ? ' leaf' : ''}`,
                             transform: `translate(${(box.x - box.width / 2).toFixed(1)},${(box.y - box.height / 2).toFixed(1)})`},
    drawing('rect', {width: box.width, height: box.height, rx: box.leaf ? 15 : 5}),
    drawing('text', {x: box.width / 2, y: 15, class: 'name'}, box.title),
    drawing('text', {x: box.width / 2, y: 29, class: 'kind'}, box.detail));
  made.dataset.tip = box.tip;
  if (!box.href) return made;
  return drawing('a', {href: box.href, 'aria-label': `${box.title}, ${box.detail}`}, made);
}

/* A picture that is a little too wide is drawn smaller, a wider one scrolls. */
function drawGraph(graph, room) {
  const boxes = graph.boxes.map(box => {
    const title = shorten(box.title, 30), detail = shorten(box.detail, 34);
    return {...box, title, detail, width: Math.max(48, 16 + 6.7 * Math.max(title.length, 0.88 * detail.length)), height: 36};
  });
  const placed = layout(boxes, graph.edges), edges = drawing('g', {class: 'edges'});
  for (const route of placed.routes) edges.append(drawing('path', {d: pathOf(route.route)}));
  const scale = placed.width > room && placed.width < 1.4 * room ? room / placed.width : 1;
  return drawing('svg', {viewBox: `0 0 ${placed.width.toFixed(0)} ${placed.height.toFixed(0)}`, width: (scale * placed.width).toFixed(0),
                         height: (scale * placed.height).toFixed(0), class: 'graph', role: 'group', 'aria-label': 'the graph around the line'},
    drawing('defs', {}, drawing('marker', {id: 'arrow', viewBox: '0 0 8 8', refX: 7.5, refY: 4, markerWidth: 6, markerHeight: 6, orient: 'auto'},
                                drawing('path', {d: 'M0,0.5 L8,4 L0,7.5 z', class: 'head'}))),
    edges, ...placed.boxes.map(drawBox));
}

function choice(name, label, checked, change) {
  return element('label', {}, element('input', {type: name === 'level' ? 'radio' : 'checkbox', name, value: label, checked, onchange: change}), ' ', label);
}

/* Scrolls a wide picture to its highest box. */
function showTop(frame) {
  const boxes = [...frame.querySelectorAll('.box')].map(box => box.getBoundingClientRect()), own = frame.getBoundingClientRect();
  if (!boxes.length) return;
  const highest = boxes.reduce((top, box) => (box.top < top.top ? box : top));
  frame.scrollLeft += (highest.left + highest.right) / 2 - (own.left + own.right) / 2;
}

function showGraph(view) {
  if (!current.line && current.kernel === null) {
    view.replaceChildren(element('p', {class: 'hint'}, 'Choose a line on the left, or a kernel: what it computes and what lies around it is drawn here.'));
    return;
  }
  const automatic = focusNodes().length > GRAPH.operations ? 'kernels' : 'operations', level = current.level || automatic;
  const graph = level === 'kernels' ? kernelGraph() : operationGraph();
  const tools = element('div', {class: 'tools'},
    ...['operations', 'kernels'].map(name => choice('level', name, level === name, () => go({level: name}))));
  if (current.line)
    tools.append(...['forward', 'backward', 'update'].map(phase => choice('phase', phase, current.phases.has(phase), event => {
      current.phases[event.target.checked ? 'add' : 'delete'](phase);
      showGraph(view);
    })));
  const left = graph.left > 0 ? element('p', {class: 'hint'}, `${graph.left} more around these are not drawn.`) : null;
  const none = graph.boxes.length ? null : element('p', {class: 'hint'}, 'Nothing of the phases chosen.');
  const frame = element('div', {class: 'scroll', tabindex: 0}, drawGraph(graph, view.clientWidth - 34));
  view.replaceChildren(...[tools, left, none, frame].filter(Boolean));
  showTop(frame);
}
