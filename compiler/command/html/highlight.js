/* highlight.js: C and the model's language with a class around each piece.
 *
 * In: `const vec h = tg_load(x);`. Out: a fragment: <span class="keyword">const</span> <span class="type">vec</span> … */
const languages = {
  c: {
    pieces: /(\/\*[\s\S]*?\*\/|\/\/[^\n]*)|(^[ \t]*#[^\n]*)|("(?:[^"\\\n]|\\.)*")|(\b\d[\w.]*(?:[eE][-+]\d+\w*)?)|([A-Za-z_]\w*)/gm,
    kinds: ['comment', 'directive', 'string', 'number', 'word'],
    keywords: new Set('for if else return static const struct while do break continue sizeof typedef inline _Alignas enum'.split(' ')),
    types: new Set(('void int float double char bool size_t int32_t int64_t uint8_t uint32_t uint64_t lint vec ivec mask real ' +
                    'tg_slot tg_model').split(' ')),
  },
  tg: {
    pieces: /(#[^\n]*)|(\0)|("(?:[^"\\\n]|\\.)*")|(\b\d[\w.]*(?:[eE][-+]?\d+)?)|([A-Za-z_]\w*)/gm,
    kinds: ['comment', 'directive', 'string', 'number', 'word'],
    keywords: new Set(('tg import use module param state fn graph train using with for in if else return dim const assert as and ' +
                       'or not where extern from adjoint to').split(' ')),
    types: new Set('i32 bool f32 zeros ones normal uniform xavier he'.split(' ')),
  },
};

function wordKind(language, word, after) {
  if (language.keywords.has(word)) return 'keyword';
  if (language.types.has(word)) return 'type';
  return after === '(' ? 'call' : '';
}

function highlight(text, name) {
  const language = languages[name], made = document.createDocumentFragment();
  let from = 0;
  for (const match of text.matchAll(language.pieces)) {
    const which = match.slice(1).findIndex(group => group !== undefined);
    let kind = language.kinds[which];
    if (kind === 'word') kind = wordKind(language, match[0], text[match.index + match[0].length]);
    if (!kind) continue;
    made.append(text.slice(from, match.index), element('span', {class: kind}, match[0]));
    from = match.index + match[0].length;
  }
  made.append(text.slice(from));
  return made;
}
