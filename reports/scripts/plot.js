// The plot: any number of the cases against any field, an interval with every time.

const COLOURS = Array.from({ length: 8 }, (_, i) => `var(--series-${i})`);
const SYMBOLS = ["circle", "square", "triangle", "diamond", "cross", "star", "wye"];
const PANELS = 12;
// Of more words than that, a legend names a few: those nearest to the lowest.
const LEGEND = 16;
const NEAREST = 7;
const OTHERS = { name: "others", colour: "var(--strong)", symbol: "circle" };

const isFew = (field, most) => field.distinct.length > 1 && field.distinct.length <= most;

function axes(records) {
  const of = (...kinds) => records.fields.filter((field) => kinds.includes(field.kind));
  const sizes = of("size").filter((field) => field.distinct.length > 1);
  const named = of("text", "facet").filter((field) => field.name !== "reason");
  const texts = named.filter((field) => isFew(field, 40));
  const numbers = of("number");
  return {
    x: [...sizes, ...texts, ...numbers],
    y: numbers.filter(
      (field) => !field.name.startsWith("time.lo") && !field.name.startsWith("time.hi"),
    ),
    per: [...of("size"), ...numbers.filter((field) => field.name !== "time")],
    colour: named.filter((field) => isFew(field, MANY)),
    panels: [...texts, ...sizes].filter((field) => isFew(field, PANELS)),
  };
}

function defaultsOf(records) {
  const choices = axes(records);
  // The size that most records have.
  const rank = (field) => (field.kind === "size" ? field.known : 0);
  const first = (name, ...wanted) =>
    wanted.find((w) => choices[name].some((field) => field.name === w)) ?? "";
  return {
    filters: new Map(),
    x: [...choices.x].sort((a, b) => rank(b) - rank(a))[0]?.name ?? "",
    y: first("y", "time") || choices.y[0]?.name || "",
    per: "",
    colour: first("colour", "operation", "implementation"),
    panels: first("panels", "pass"),
    logx: false,
    logy: true,
    sort: "time",
    case: "",
  };
}

// Return {points, looks}: what is drawn, and the look of each word that has one of its own. It is
// the same whatever else is shown, and for operations the same as in the figures.
function pointsOf(records, kept, state) {
  const field = (name) => records.named.get(name);
  const [x, y, per] = [field(state.x), field(state.y), field(state.per)];
  const [colour, panels] = [field(state.colour), field(state.panels)];
  const [lo, hi] = state.y === "time" ? [field("time.lo"), field("time.hi")] : [];
  const apart = records.fields.filter(
    (f) =>
      f.kind !== "number" &&
      f.name !== state.x &&
      f.name !== "problem" &&
      f.name !== "result" &&
      f.name !== "reason",
  );
  const isPlaced = (value, log) =>
    value !== null && (typeof value !== "number" || !log || value > 0);
  const points = [];
  for (const i of kept) {
    const by = per ? per.get(i) : 1;
    if (!x || !y || y.get(i) === null || !by) continue;
    const point = {
      i,
      x: x.get(i),
      y: y.get(i) / by,
      lo: lo?.get(i) == null ? null : lo.get(i) / by,
      hi: hi?.get(i) == null ? null : hi.get(i) / by,
      colour: colour ? colour.shown(colour.get(i)) : "",
      panel: panels ? `${panels.label}: ${panels.shown(panels.get(i))}` : "",
      series: apart.map((f) => f.get(i)).join("\u0000"),
    };
    if (isPlaced(point.x, state.logx) && isPlaced(point.y, state.logy)) points.push(point);
  }
  const words = colour ? [...colour.distinct, null].map(colour.shown) : [""];
  const drawn = new Set(points.map((point) => point.colour));
  const looks = words.map((name, i) => ({
    name,
    colour: COLOURS[i % COLOURS.length],
    symbol: SYMBOLS[Math.floor(i / COLOURS.length) % SYMBOLS.length],
  }));
  const found = looks.filter((look) => drawn.has(look.name));
  return found.length > LEGEND ? nearest(points, found) : { points, looks: found };
}

// Return the same with looks for the words that come nearest to the lowest value of their place;
// all others look alike, and lie below.
function nearest(points, looks) {
  const place = (point) => `${point.panel}\u0000${point.x}`;
  const lowest = d3.rollup(points, (found) => d3.min(found, (point) => point.y), place);
  const above = d3.rollup(
    points,
    (found) => d3.min(found, (point) => point.y / lowest.get(place(point))),
    (point) => point.colour,
  );
  const first = d3.sort(looks, (look) => above.get(look.name)).slice(0, NEAREST);
  const named = new Set(first.map((look) => look.name));
  const told = points.map((point) =>
    named.has(point.colour) ? point : { ...point, colour: OTHERS.name },
  );
  return {
    points: d3.sort(told, (point) => point.colour !== OTHERS.name),
    looks: [...looks.filter((look) => named.has(look.name)), OTHERS],
  };
}

function drawn(records, kept, state, width) {
  const { points, looks } = pointsOf(records, kept, state);
  if (!points.length) return element("p", { class: "muted" }, "No case has both.");
  const [x, y, per] = [state.x, state.y, state.per].map((name) => records.named.get(name));
  const what = per ? `${y.label} / ${per.label}` : y.label;
  const label = `${what} against ${x.label}, ${points.length} of ${kept.length} cases`;
  const told = (point) =>
    describe(records, point.i, per ? `${what} ${quantity(point.y, y.unit)}` : null);
  const figure = Plot.plot({
    ...frameOf(points, x, state, width),
    style: { fontSize: "12px", background: "none", overflow: "visible" },
    color: { domain: looks.map((look) => look.name), range: looks.map((look) => look.colour) },
    symbol: { domain: looks.map((look) => look.name), range: looks.map((look) => look.symbol) },
    fx: { axis: "top", label: null },
    fy: { axis: "right", label: null, tickFormat: panelWord },
    marks: [
      Plot.frame({ stroke: "var(--rule)" }),
      ...marksOf(points, x, { ...y, label: what }, state, told, width),
    ],
  });
  // The policy of the page knows its own style sheet only; what this one says stands there.
  for (const sheet of figure.querySelectorAll("style")) sheet.remove();
  figure.setAttribute("aria-hidden", "true");
  return element(
    "figure",
    { class: "explorer-plot" },
    element("div", { role: "img", "aria-label": label }, figure),
    state.colour ? legend(records.named.get(state.colour), looks) : [],
    element("figcaption", {}, `${label}. Bars are ${records.level} intervals of the median.`),
  );
}

const isNarrow = (width) => width < 600;
const panelWord = (name) => name.replace(/^[^:]*: /, "");
const shortened = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const letters = (width) => (isNarrow(width) ? 20 : 40);

// Size, margins and scales. Texts stand on the vertical axis, where there is room to read them.
function frameOf(points, x, state, width) {
  const narrow = isNarrow(width);
  const found = [...new Set(points.map((point) => point.panel))];
  const panels = narrow ? found.length : 1;
  const beside = d3.max(found, (name) => panelWord(name).length);
  const value = { type: state.logy ? "log" : "linear", axis: null, inset: 8 };
  const words = x.words ? [...new Set(points.map((point) => point.x))].sort(natural) : [];
  const lengths = words.map((name) => shortened(x.shown(name), letters(width)).length);
  const longest = Math.max(0, ...lengths);
  const scales = x.words
    ? { x: value, y: { type: "point", axis: null, domain: words } }
    : { x: { type: state.logx ? "log" : "linear", axis: null }, y: value };
  const height = x.words ? 60 + 22 * words.length : narrow ? 240 : 360;
  return {
    ...scales,
    width,
    height: 60 + height * panels,
    marginLeft: x.words ? 20 + 7 * longest : 62,
    marginBottom: 40,
    marginRight: narrow && state.panels ? 12 + 7 * beside : 24,
  };
}

function marksOf(points, x, y, state, told, width) {
  const facet = state.panels ? { [isNarrow(width) ? "fy" : "fx"]: "panel" } : {};
  const place = x.words ? { x: "y", y: "x", ...facet } : { x: "x", y: "y", ...facet };
  const [along, value] = x.words ? ["Y", "X"] : ["X", "Y"];
  const bars = points.filter(
    (point) => point.lo !== null && point.hi !== null && (!state.logy || point.lo > 0),
  );
  const ends = x.words ? { y: "x", x1: "lo", x2: "hi" } : { x: "x", y1: "lo", y2: "hi" };
  const line = { ...place, z: "series", sort: "x", stroke: "colour", strokeOpacity: 0.45 };
  const dot = { ...place, stroke: "colour", fill: "colour", symbol: "colour" };
  const tip = { ...place, title: told, maxRadius: 30, lineWidth: isNarrow(width) ? 13 : 24 };
  // Labels side by side take room.
  const most = isNarrow(width) ? 3 : 9;
  const at = points.map((point) => point.x);
  const values = points.map((point) => point.y);
  return [
    ...(x.words ? wordAxis(x, letters(width)) : axisOf(along, x, at, state.logx, most)),
    ...axisOf(value, y, values, state.logy, x.words ? most : 9),
    ...(x.kind === "size" ? [Plot.line(points, line)] : []),
    Plot[`rule${along}`](bars, { ...ends, ...facet, stroke: "colour" }),
    Plot.dot(points, { ...dot, fillOpacity: 0.25, r: 3.5 }),
    Plot.tip(points, Plot.pointer(tip)),
  ];
}

function wordAxis(field, most) {
  const text = (value) => shortened(field.shown(value), most);
  return [
    Plot.gridY({ stroke: "var(--rule)", strokeOpacity: 1 }),
    Plot.axisY({ label: null, tickSize: 3, tickFormat: text }),
  ];
}

// Grid, ticks and label of an axis: texts of our own, since Plot leaves out some of a logarithm's.
function axisOf(which, field, values, log, most) {
  const options = { label: field.label, labelArrow: "none", tickSize: 3 };
  const found = [...new Set(values)].sort(natural);
  const own = field.kind === "size" && found.length <= 12;
  const ticks = own
    ? found
    : log
      ? logTicks(values, most)
      : d3.ticks(...d3.extent(values), Math.min(most, 5));
  const text = (value) =>
    quantity(value, field.unit)
      .replace(/(\.\d*?)0+(?=\D|$)/, "$1")
      .replace(/\.(?=\D|$)/, "");
  return [
    Plot[`grid${which}`](ticks, { stroke: "var(--rule)", strokeOpacity: 1 }),
    Plot[`axis${which}`](ticks, { ...options, text }),
  ];
}

// 1, 2 and 5 of each decade; where these are too many, decades, and fewer of them as need be.
function logTicks(values, most) {
  const [least, top] = d3.extent(values);
  const decades = d3.range(Math.floor(Math.log10(least)), Math.ceil(Math.log10(top)) + 1);
  const within = (tick) => tick >= least * 0.99 && tick <= top * 1.01;
  const fine = decades.flatMap((e) => [1, 2, 5].map((step) => step * 10 ** e)).filter(within);
  if (fine.length < 2) return d3.ticks(least, top, 3);
  if (fine.length <= most) return fine;
  const whole = decades.map((e) => 10 ** e).filter(within);
  const every = Math.ceil(whole.length / most);
  return whole.length > 1 ? whole.filter((_, i) => i % every === 0) : [fine[0], fine.at(-1)];
}

function legend(field, looks) {
  const items = looks.map(({ name, colour, symbol }) =>
    element(
      "li",
      {},
      shape(
        "svg",
        { width: 14, height: 14, viewBox: "-7 -7 14 14", "aria-hidden": "true" },
        shape("path", {
          d: d3.symbol(d3[`symbol${symbol[0].toUpperCase()}${symbol.slice(1)}`], 50)(),
          fill: colour,
          "fill-opacity": 0.25,
          stroke: colour,
          "stroke-width": 1.5,
        }),
      ),
      name,
    ),
  );
  return element("ul", { class: "legend", "aria-label": field.label }, items);
}

// What a case is, in lines.
function describe(records, i, first) {
  const value = (name) => records.value(name, i);
  const bounds = ["time.lo", "time.hi"].map(value);
  const lines = [records.shown("implementation", i), records.shown("problem", i)];
  if (first) lines.push(first);
  if (value("time") !== null) {
    const interval = bounds.includes(null)
      ? ""
      : ` [${bounds.map((v) => quantity(v, "s")).join(", ")}]`;
    lines.push(`time ${quantity(value("time"), "s")}${interval}`);
  }
  if (value("error") !== null) lines.push(`error ${digits(value("error"))}`);
  return lines.join("\n");
}
