// The table: which columns it has for what is shown, and its lines.

const SHOWN = 50;
// Texts that are no columns: the implementation and the problem have them in their names.
const SAID = [
  "operation",
  "implementation",
  "framework",
  "mode",
  "family",
  "problem",
  "result",
  "reason",
];

// Columns of texts; a number has the prefix of its column, so that those under each other compare.
function columnsOf(records, kept, state) {
  const text = (name) => {
    const field = records.named.get(name);
    return { field, head: field.label, numeric: false, cell: (i) => field.shown(field.get(i)) };
  };
  const number = (field) => {
    const [factor, unit] = scaleOf(
      kept.map((i) => field.get(i)),
      field.unit,
    );
    const scaled = (value) => (unit ? value.toFixed(decimals(value)) : digits(value));
    const cell = (i) => (field.get(i) === null ? "–" : scaled(field.get(i) / factor));
    return { field, head: field.label, unit, factor, numeric: true, cell };
  };
  const told = records.fields.filter(
    (field) => field.kind === "text" && field.distinct.length > 1 && !SAID.includes(field.name),
  );
  const columns = ["implementation", "problem", ...told.map((field) => field.name)].map(text);
  const asked = [state.y, state.per, state.x];
  const numbers = records.fields.filter(
    (field) =>
      field.kind === "number" &&
      !field.name.startsWith("time.") &&
      kept.some((i) => field.get(i) !== null) &&
      (["time", "error", "dim"].includes(field.name) ||
        field.name.startsWith("mem.") ||
        asked.includes(field.name)),
  );
  for (const field of numbers) {
    const column = number(field);
    columns.push(column);
    if (field.name === "time") columns.push(interval(records, column));
  }
  return [...columns, text("result")];
}

function interval(records, time) {
  const [lo, hi] = ["time.lo", "time.hi"].map((name) => records.named.get(name));
  const cell = (i) => {
    const bounds = [lo?.get(i) ?? null, hi?.get(i) ?? null];
    if (bounds.includes(null)) return "–";
    const places = decimals(time.field.get(i) / time.factor);
    return `[${bounds.map((v) => (v / time.factor).toFixed(places)).join(", ")}]`;
  };
  return { field: null, head: `${records.level} interval`, unit: time.unit, numeric: true, cell };
}

const headText = (column) => (column.unit ? `${column.head} [${column.unit}]` : column.head);

function tableOf(records, order, columns, state, shown, act) {
  const heads = columns.map((column) => {
    const sort = column.field?.name;
    const direction =
      state.sort === sort ? "ascending" : state.sort === `-${sort}` ? "descending" : "none";
    const unit = column.unit ? [element("span", { class: "unit" }, column.unit)] : [];
    const inside = sort
      ? element(
          "button",
          { type: "button", class: "sort", onclick: () => act.sort(sort) },
          column.head,
        )
      : column.head;
    const attributes = { scope: "col", class: column.numeric ? "n" : undefined };
    if (sort) attributes["aria-sort"] = direction;
    return element("th", attributes, inside, unit);
  });
  heads.push(element("th", { scope: "col" }, "again"));
  const lines = order.slice(0, shown).map((i) => {
    const cells = columns.map((column, at) => {
      const text = column.cell(i);
      if (at > 0) return element("td", { class: column.numeric ? "n" : undefined }, text);
      const link = `${START}case=${encodeURIComponent(records.key(i))}`;
      const sign = element(
        "a",
        { class: "permalink", href: link, tabindex: "-1", "aria-hidden": "true" },
        "#",
      );
      return element("th", { scope: "row" }, text, sign);
    });
    const name = `command for ${columns[0].cell(i)}`;
    cells.push(
      element(
        "td",
        {},
        element(
          "button",
          { type: "button", "aria-label": name, onclick: () => act.show(i) },
          "command",
        ),
      ),
    );
    return element("tr", { "data-key": records.key(i) }, cells);
  });
  return element(
    "table",
    { id: "explorer-table" },
    element("caption", {}, `${order.length} of ${records.count} cases`),
    element("thead", {}, element("tr", {}, heads)),
    element("tbody", {}, lines),
  );
}
