/* layout.js: a small layered layout for graphs without cycles.
 *
 * In: boxes {id, width, height} and edges [from, to]. Out: for each box its x and y, for each edge the points of its line.
 * Layers by longest path, boxes with no more to read than readers pulled down to those; long edges get a waypoint in each layer between; the order
 * within layers by the mean of neighbours, a few sweeps down and up; then places pulled towards neighbours. */
const GAP = {across: 22, down: 42, waypoint: 10};

function layersOf(boxes, edges) {
  const layer = new Map(), into = new Map(boxes.map(box => [box.id, []])), out = new Map(boxes.map(box => [box.id, []]));
  for (const [from, to] of edges) {
    into.get(to).push(from);
    out.get(from).push(to);
  }
  const depth = id => {
    if (!layer.has(id)) {
      layer.set(id, 0); /* no cycles are expected; one would end here */
      layer.set(id, into.get(id).reduce((most, from) => Math.max(most, depth(from) + 1), 0));
    }
    return layer.get(id);
  };
  boxes.forEach(box => depth(box.id));
  for (const box of [...boxes].sort((a, b) => layer.get(b.id) - layer.get(a.id))) {
    const readers = out.get(box.id);
    if (readers.length && readers.length >= into.get(box.id).length) layer.set(box.id, Math.min(...readers.map(id => layer.get(id))) - 1);
  }
  return layer;
}

/* Boxes and waypoints by layer, and the links between neighbouring layers. */
function withWaypoints(boxes, edges, layer) {
  const lowest = Math.min(0, ...layer.values()), rows = [], routes = [];
  const put = item => (rows[item.layer] = rows[item.layer] || []).push(item);
  const item = new Map(boxes.map(box => [box.id, {...box, layer: layer.get(box.id) - lowest, up: [], down: []}]));
  boxes.forEach(box => put(item.get(box.id)));
  for (const [from, to] of edges) {
    const route = [item.get(from)];
    for (let at = route[0].layer + 1; at < item.get(to).layer; at++) {
      const waypoint = {layer: at, width: GAP.waypoint, height: 0, up: [], down: []};
      put(waypoint);
      route.push(waypoint);
    }
    route.push(item.get(to));
    for (let i = 0; i + 1 < route.length; i++) {
      route[i].down.push(route[i + 1]);
      route[i + 1].up.push(route[i]);
    }
    routes.push({from, to, route});
  }
  for (let i = 0; i < rows.length; i++) rows[i] = rows[i] || [];
  return {rows, routes, item};
}

const mean = (list, value) => list.reduce((sum, item) => sum + value(item), 0) / list.length;

function orderRows(rows) {
  const number = row => row.forEach((item, at) => { item.order = at; });
  rows.forEach(number);
  for (let sweep = 0; sweep < 12; sweep++) {
    const down = sweep % 2 === 0, side = down ? 'up' : 'down';
    for (const row of down ? rows : [...rows].reverse()) {
      for (const item of row) item.wish = item[side].length ? mean(item[side], other => other.order) : item.order;
      row.sort((a, b) => a.wish - b.wish || a.order - b.order);
      number(row);
    }
  }
}

/* Puts a row's items at their wishes without overlap: from the left, then from the right, and between the two. */
function settle(row) {
  const left = [], right = [];
  row.forEach((item, at) => {
    const before = at ? left[at - 1] + (row[at - 1].width + item.width) / 2 + GAP.across : -Infinity;
    left[at] = Math.max(item.wish, before);
  });
  for (let at = row.length - 1; at >= 0; at--) {
    const after = at + 1 < row.length ? right[at + 1] - (row[at + 1].width + row[at].width) / 2 - GAP.across : Infinity;
    right[at] = Math.min(row[at].wish, after);
  }
  row.forEach((item, at) => { item.x = (left[at] + right[at]) / 2; });
  for (let at = 1; at < row.length; at++)
    row[at].x = Math.max(row[at].x, row[at - 1].x + (row[at - 1].width + row[at].width) / 2 + GAP.across);
}

function placeRows(rows) {
  for (const row of rows) {
    let x = 0;
    for (const item of row) {
      item.x = x + item.width / 2;
      x += item.width + GAP.across;
    }
  }
  for (let sweep = 0; sweep < 16; sweep++)
    for (const row of sweep % 2 ? [...rows].reverse() : rows) {
      for (const item of row) {
        const near = sweep < 14 ? item[sweep % 2 ? 'down' : 'up'] : [...item.up, ...item.down];
        item.wish = near.length ? mean(near, other => other.x) : item.x;
      }
      settle(row);
    }
}

function layout(boxes, edges) {
  if (!boxes.length) return {boxes: [], routes: [], width: 0, height: 0};
  const {rows, routes, item} = withWaypoints(boxes, edges, layersOf(boxes, edges));
  orderRows(rows);
  placeRows(rows);
  let y = 8;
  for (const row of rows) {
    const height = Math.max(0, ...row.map(box => box.height));
    for (const box of row) {
      box.y = y + height / 2;
      box.top = y;
      box.bottom = y + height;
    }
    y += height + GAP.down;
  }
  const all = rows.flat(), left = Math.min(...all.map(box => box.x - box.width / 2)) - 8;
  for (const box of all) box.x -= left;
  return {boxes: [...item.values()], routes, width: Math.max(...all.map(box => box.x + box.width / 2)) + 8, height: y - GAP.down + 8};
}

/* A smooth line through the points of a route, from the lower edge of a box to the upper edge of the next. */
function pathOf(route) {
  const last = route.length - 1;
  let path = `M${route[0].x.toFixed(1)},${(route[0].y + route[0].height / 2).toFixed(1)}`;
  for (let i = 1; i <= last; i++) {
    const from = route[i - 1], to = route[i], start = i > 1 ? from.bottom : from.y + from.height / 2;
    const end = i < last ? to.top : to.y - to.height / 2, half = ((start + end) / 2).toFixed(1);
    path += ` C${from.x.toFixed(1)},${half} ${to.x.toFixed(1)},${half} ${to.x.toFixed(1)},${end.toFixed(1)}`;
    if (i < last) path += ` L${to.x.toFixed(1)},${to.bottom.toFixed(1)}`;
  }
  return path;
}
