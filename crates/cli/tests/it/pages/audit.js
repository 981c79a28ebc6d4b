// Looks at the page in the frame #f as it is on paper, in the light, in the dark and on a phone, and
// writes what it found into #out as JSON. Colours are computed as WCAG 2 has them.

window.errors = [];

/** Every element above `x`. */
function* above(x) { for (x = x.parentElement; x; x = x.parentElement) yield x; }

/** Red, green, blue and opacity of a computed colour. */
function channels(color) {
  const found = color.match(/[\d.]+/g);
  return found ? [...found.slice(0, 3).map(Number), found.length > 3 ? Number(found[3]) : 1] : [0, 0, 0, 0];
}

function luminance([red, green, blue]) {
  const linear = [red, green, blue].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
}

function ratio(a, b) {
  const [high, low] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (high + 0.05) / (low + 0.05);
}

/** What is painted under the text of `x`. */
function ground(x, view) {
  // In a flame graph a text stands on the rectangle before it.
  const under = x.closest('svg.flame') && x.parentElement.querySelector(':scope > rect');
  if (under) return channels(view.getComputedStyle(under).fill);
  for (const one of [x, ...above(x)]) {
    const color = channels(view.getComputedStyle(one).backgroundColor);
    if (color[3] > 0) return color;
  }
  return [255, 255, 255, 1];
}

/** Texts that are hard to read: under 4.5 to 1, of large ones under 3. */
function faint(doc, view) {
  const found = [];
  const has_text = x => [...x.childNodes].some(n => n.nodeType === 3 && n.data.trim());
  const shown = [...doc.body.querySelectorAll('*')].filter(x => has_text(x) && x.getClientRects().length &&
    !['SCRIPT', 'STYLE', 'title'].includes(x.tagName));
  for (const x of shown) {
    const style = view.getComputedStyle(x), size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const contrast = ratio(channels(x.closest('svg') ? style.fill : style.color), ground(x, view));
    if (contrast < (large ? 3 : 4.5)) found.push(`${x.tagName}.${x.getAttribute('class')} ${contrast.toFixed(2)} "${x.textContent.slice(0, 30)}"`);
  }
  return { texts: shown.length, found: found.slice(0, 5) };
}

/** Bars and dots with a contrast under 3 to 1; the rail under them is only there to guide. */
function faint_bars(doc, view) {
  const bars = [...doc.querySelectorAll('svg:not(.flame) :is(rect, circle):is(.best, .auto)')];
  const low = bars.filter(x => ratio(channels(view.getComputedStyle(x).fill), ground(x, view)) < 3);
  return { bars: bars.length, found: low.length };
}

/** Elements that reach past the right edge, and are in nothing that scrolls. */
function wide(doc, view) {
  const edge = doc.documentElement.clientWidth + 1;
  const out = x => x.getBoundingClientRect().right > edge && !x.closest('svg') &&
    ![...above(x)].some(p => view.getComputedStyle(p).overflowX !== 'visible');
  return [...doc.querySelectorAll('body *')].filter(out).map(x => x.tagName + '.' + x.className).slice(0, 5);
}

/** Has the style rules for `kind` of medium count, and no others that are for one. */
function as_if(doc, kind) {
  for (const rule of doc.styleSheets[0].cssRules) {
    if (!rule.media) continue;
    rule.asked = rule.asked || rule.media.mediaText;
    rule.media.mediaText = kind && rule.asked.includes(kind) ? 'all' : 'not all';
  }
}

/** Clicks each heading twice; those after which the rows are not in the order that the heading tells. */
function unsorted(table) {
  const wrong = [], rows = () => [...table.tBodies[0].rows];
  const names = () => rows().map(row => row.cells[0].textContent).sort().join();
  const all = names();
  const value = (row, column) => {
    const cell = row.cells[column];
    return 'v' in cell.dataset ? Number(cell.dataset.v) : cell.textContent;
  };
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const seen = new Set();
    for (let click = 0; click < 2; click++) {
      head.querySelector('button').click();
      const order = head.getAttribute('aria-sort'), sign = order === 'ascending' ? 1 : -1;
      seen.add(order);
      const values = rows().map(row => value(row, column)).filter(v => v !== '' && v !== '–');
      const ordered = values.every((v, i) => i === 0 || typeof v !== typeof values[i - 1] || sign *
        (typeof v === 'number' ? v - values[i - 1] : v.localeCompare(values[i - 1])) >= 0);
      const marked = table.tHead.querySelectorAll('[aria-sort]').length;
      if (!ordered || marked !== 1 || names() !== all) wrong.push(`${head.textContent} ${order}: ${values.slice(0, 6)}`);
    }
    if (seen.size !== 2) wrong.push(`${head.textContent} has one order`);
  });
  return wrong;
}

window.onload = () => {
  const frame = document.getElementById('f'), view = frame.contentWindow;
  const doc = frame.contentDocument, root = doc.documentElement;
  const told = { dark: view.matchMedia('(prefers-color-scheme: dark)').matches,
    ground: luminance(channels(view.getComputedStyle(doc.body).backgroundColor)) };
  doc.querySelectorAll('details').forEach(x => { x.open = true; });
  Object.assign(told, { width: root.clientWidth, scroll: root.scrollWidth, wide: wide(doc, view),
    lang: root.lang, title: doc.title, svgs: doc.querySelectorAll('svg').length,
    titled: [...doc.querySelectorAll('svg')].filter(s => s.getAttribute('aria-label') ||
      s.getAttribute('aria-labelledby') || s.querySelector('title') || s.getAttribute('aria-hidden')).length,
    headings: [...doc.querySelectorAll('h1, h2, h3')].map(h => Number(h.tagName[1])),
    tables: doc.querySelectorAll('table').length,
    unsorted: [...doc.querySelectorAll('table')].flatMap(unsorted), modes: {} });
  for (const [mode, kind, px] of [['light', '', 360], ['dark', 'dark', 360], ['paper', 'print', 720]]) {
    frame.style.width = px + 'px';
    as_if(doc, kind);
    told.modes[mode] = { faint: faint(doc, view), bars: faint_bars(doc, view),
      ground: luminance(channels(view.getComputedStyle(doc.body).backgroundColor)),
      scrolls: root.scrollWidth > root.clientWidth };
  }
  told.errors = window.errors;
  document.getElementById('out').textContent = JSON.stringify(told);
};
