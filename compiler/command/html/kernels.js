/* kernels.js: the view "kernels": the launches of a line, by phase; each opens to where it comes from, the rules at work in
 * it, what it costs, and its C. */

function lineLink(source, number) {
  const at = fileLine(source, number);
  const text = data.sources[source].text.split('\n')[number - 1] || '';
  return element('span', {class: 'place'}, element('a', {href: link_to({at, in: null, k: null})}, at), ' ',
                 element('code', {}, highlight(text.trim(), 'tg')));
}

function fact(list, title, ...content) {
  list.append(element('dt', {}, title), element('dd', {}, ...content));
}

/* The line and the calls that lead to it, once per place. */
function placeFacts(list, title, index) {
  placeOf(index).forEach(([source, line], depth) => fact(list, depth ? 'called from' : title, lineLink(source, line)));
}

function ruleFacts(list, launch) {
  let place = launch.place;
  placeFacts(list, launch.rules.length && launch.rules[0].place === place ? 'forward line' : 'line', place);
  for (const rule of launch.rules) {
    if (rule.place !== place) placeFacts(list, 'forward line', rule.place);
    place = rule.place;
    const formula = data.formulas[rule.formula];
    if (formula) fact(list, rule.op, element('code', {class: 'math'}, formula.value), ' so ', element('code', {class: 'math'}, formula.change));
    fact(list, 'rule', element('code', {class: 'math rule'}, rule.rule));
  }
}

function bufferWords(ids) {
  return ids.map(id => current.index.buffer.get(id).name).join(', ') || 'nothing';
}

function togetherWords(launch) {
  const [first, last] = launch.together;
  return first < last ? `, together with launches ${first} to ${last}` : launch.here ? ' on the caller\'s thread' : '';
}

function costWords(launch) {
  return `${amount(launch.flop, 'FLOP')}, ${amount(launch.bytes, 'B')}, ${launch.intensity.toPrecision(3)} FLOP/B; ` +
         `${launch.slices} slice${launch.slices === 1 ? '' : 's'}${togetherWords(launch)}; ${seconds(launch.seconds)} by ${launch.bound}, ` +
         `${percent(launch.share)} of ${current.index.entry.name}`;
}

function fillKernel(card, launch) {
  const kernel = data.kernels[launch.kernel], list = element('dl');
  ruleFacts(list, launch);
  launch.computes.forEach((line, number) => fact(list, number ? '' : 'computes', element('code', {class: 'math'}, line)));
  fact(list, 'loops', `${launch.kind}: ${launch.loops}${launch.tile ? `; tile ${launch.tile}` : ''}`);
  fact(list, 'cost', costWords(launch));
  fact(list, 'reads', element('code', {}, bufferWords(launch.reads)));
  fact(list, 'writes', element('code', {}, bufferWords(launch.writes)));
  const shared = current.index.entry.launches.filter(other => other.kernel === launch.kernel).length;
  const caption = element('p', {class: 'caption'}, `${data.prefix}.c:${kernel.line}`,
                          shared > 1 ? `, one function for ${shared} launches` : '');
  card.append(element('div', {class: 'body'}, list, caption, element('pre', {tabindex: 0}, element('code', {}, highlight(kernel.text, 'c')))));
}

function kernelCard(launch, open) {
  const summary = element('summary', {},
    element('span', {class: `badge ${launch.phase}`}, launch.phase),
    element('b', {}, kernelName(launch)),
    element('span', {class: 'share'}, percent(launch.share)),
    element('code', {class: 'computes'}, launch.computes.join('; ')));
  const card = element('details', {class: 'kernel', 'data-launch': launch.number}, summary);
  const fill = () => {
    if (card.open && card.childElementCount === 1) fillKernel(card, launch);
  };
  card.addEventListener('toggle', fill);
  card.open = open;
  fill();
  return card;
}

/* The launches of a line in one phase, those whose main value stands there first. */
function launchesOfLine(phase) {
  const {line, instance, index} = current, found = [];
  for (const [number, part] of line.entry.launches)
    if (part.phases.has(phase) && (!instance || part.instances.has(instance))) found.push({launch: index.entry.launches[number], main: part.main});
  return found.sort((a, b) => a.launch.number - b.launch.number);
}

function phaseSection(phase, title, openLongest) {
  const found = launchesOfLine(phase), main = found.filter(item => item.main), rest = found.filter(item => !item.main);
  if (!found.length) return null;
  const own = main.length ? main : rest, others = main.length ? rest : [];
  const section = element('section', {class: 'phase', 'data-phase': phase},
                          element('h3', {}, `${title} `, element('small', {}, `${own.length} launch${own.length === 1 ? '' : 'es'}`)));
  const longest = own.reduce((most, item) => (item.launch.seconds > most.launch.seconds ? item : most), own[0]);
  for (const item of own) section.append(kernelCard(item.launch, item.launch.number === current.kernel || (openLongest && item === longest)));
  if (!others.length) return section;
  const more = element('details', {class: 'others'}, element('summary', {}, `part of ${others.length} kernel${others.length === 1 ? '' : 's'} of other lines`));
  more.append(...others.map(item => kernelCard(item.launch, item.launch.number === current.kernel)));
  more.open = others.some(item => item.launch.number === current.kernel);
  section.append(more);
  return section;
}

function hints() {
  const costly = [...current.index.entry.launches].sort((a, b) => b.seconds - a.seconds).slice(0, 8);
  return [element('p', {class: 'hint'}, 'Choose a line on the left: its kernels, forward and backward, stand here. The bars at the lines show where the time goes. ' +
                                       'The kernels that should take longest:'),
          ...costly.map(launch => kernelCard(launch, launch.number === current.kernel))];
}

function showKernels(view) {
  if (!current.line) {
    const chosen = current.index.entry.launches[current.kernel];
    view.replaceChildren(...(chosen ? [kernelCard(chosen, true)] : hints()));
    return;
  }
  const none = current.kernel === null;
  const sections = [phaseSection('forward', 'Forward', none), phaseSection('backward', 'Backward', none), phaseSection('update', 'Update', none)];
  view.replaceChildren(...sections.filter(Boolean));
  const card = view.querySelector(`details[data-launch="${current.kernel}"]`);
  if (card) card.scrollIntoView({block: 'start'});
}
