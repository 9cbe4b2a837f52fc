// What runs: parts that an address names are unfolded, and the explorer is put together.

function unfold() {
  const name = location.hash.startsWith(START) ? "explorer" : fragment();
  const target = name && document.getElementById(name);
  if (!target) return;
  if (target.tagName === "SECTION")
    target.querySelector(":scope > details")?.setAttribute("open", "");
  for (let part = target; part; part = part.parentElement) {
    if (part.tagName === "DETAILS") part.open = true;
  }
  target.scrollIntoView();
}

function fragment() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function explorer() {
  const app = document.getElementById("explorer-app");
  const source = document.getElementById("explorer-data");
  if (!app || !source) return;
  const records = reading(JSON.parse(source.textContent));
  const defaults = defaultsOf(records);
  const fields = chipFields(records);
  const choices = axes(records);
  let state = parsed(location.hash, records, defaults);
  let shown = SHOWN;

  const part = (name, attributes = {}) => element("div", { id: `explorer-${name}`, ...attributes });
  const [summary, filters, controls, figure, one, actions, text, lines] = [
    "summary",
    "filters",
    "controls",
    "figure",
    "one",
    "actions",
    "text",
    "lines",
  ].map((name) => part(name));
  summary.setAttribute("role", "status");
  app.append(filters, summary, controls, figure, one, actions, text, lines);
  app.hidden = false;
  document.getElementById("explorer-static").hidden = true;

  const change = (changes) => {
    state = { ...state, ...changes };
    shown = SHOWN;
    history.replaceState(null, "", written(state, defaults));
    show();
  };
  const toggle = (name, chosen) => {
    const words = new Set(state.filters.get(name));
    if (!words.delete(chosen)) words.add(chosen);
    const changed = new Map(state.filters).set(name, words);
    if (!words.size) changed.delete(name);
    change({ filters: changed, case: "" });
    focusOn(`[data-field="${CSS.escape(name)}"][data-word="${CSS.escape(chosen)}"]`);
  };
  const sort = (name) => {
    change({ sort: state.sort === name ? `-${name}` : name });
    focusOn('th[aria-sort]:not([aria-sort="none"]) button');
  };
  const focusOn = (selector) => app.querySelector(selector)?.focus();

  function show() {
    const { kept, counts } = filtered(records, state.filters, fields);
    const named = state.case ? kept.filter((i) => records.key(i) === state.case) : kept;
    const order = sorted(records, named, state.sort);
    const columns = columnsOf(records, order, state);
    const unfolded = new Set(
      [...filters.querySelectorAll("details[open]")].map((d) => d.dataset.facet),
    );
    filters.replaceChildren(...chips(fields, state, counts, toggle));
    for (const facet of filters.children) if (unfolded.has(facet.dataset.facet)) facet.open = true;
    const all = records.count < records.total ? ` (of ${records.total} measured)` : "";
    const reset = element(
      "button",
      { type: "button", onclick: () => change({ ...defaults }) },
      "reset",
    );
    summary.replaceChildren(`${order.length} of ${records.count} cases${all} `, reset);
    controls.replaceChildren(...selects());
    figure.replaceChildren(drawn(records, order, state, figure.clientWidth || 800));
    one.replaceChildren();
    if (state.case && order.length) describeOne(order[0]);
    actions.replaceChildren(...copies(order, columns));
    text.replaceChildren();
    const more =
      order.length > shown
        ? [
            element(
              "button",
              {
                type: "button",
                onclick: () => {
                  shown += 4 * SHOWN;
                  show();
                },
              },
              `show more of ${order.length}`,
            ),
          ]
        : [];
    const table = tableOf(records, order, columns, state, shown, { sort, show: showOne });
    lines.replaceChildren(
      element(
        "div",
        { class: "scroll", role: "region", tabindex: "0", "aria-label": "cases" },
        table,
      ),
      ...more,
    );
  }

  function selects() {
    const labels = { x: "x", y: "y", per: "per", colour: "colour", panels: "panels" };
    const made = Object.entries(labels).map(([name, label]) => {
      const options = choices[name].map((field) =>
        element("option", { value: field.name, selected: state[name] === field.name }, field.label),
      );
      const none =
        name === "x" || name === "y"
          ? []
          : [element("option", { value: "", selected: !state[name] }, "–")];
      const id = `explorer-${name}`;
      const onchange = (event) => {
        change({ [name]: event.target.value });
        focusOn(`#${id}`);
      };
      return element(
        "label",
        { for: id },
        label,
        element("select", { id, onchange }, none, options),
      );
    });
    for (const [name, label] of [
      ["logx", "log x"],
      ["logy", "log y"],
    ]) {
      const id = `explorer-${name}`;
      const onchange = (event) => {
        change({ [name]: event.target.checked });
        focusOn(`#${id}`);
      };
      made.push(
        element(
          "label",
          { for: id },
          element("input", { id, type: "checkbox", checked: state[name], onchange }),
          label,
        ),
      );
    }
    return made;
  }

  function copies(order, columns) {
    const heads = columns.map((column) => ({ text: headText(column), numeric: column.numeric }));
    const rows = () => order.map((i) => columns.map((column) => column.cell(i)));
    const note = `${order.length} cases of ${document.title}`;
    const made = Object.entries(FORMATS).map(([name, format]) =>
      element(
        "button",
        {
          type: "button",
          onclick: () => give(format(heads, rows(), note), `${order.length} cases as ${name}`),
        },
        `copy as ${name}`,
      ),
    );
    const link = () => give(location.href, "the address of this view");
    return [...made, element("button", { type: "button", onclick: link }, "copy link")];
  }

  // Shows what was asked for, chosen, to be copied by hand where the browser lets no page do it.
  function give(what, name) {
    const area = element("textarea", {
      id: "explorer-copied",
      readonly: true,
      rows: "8",
      "aria-label": name,
      spellcheck: "false",
    });
    area.value = what;
    const said = element("p", { role: "status" }, name);
    text.replaceChildren(said, area);
    area.select();
    const ended = (word) => {
      said.textContent = `${name}: ${word}`;
    };
    const written =
      navigator.clipboard?.writeText(what) ?? Promise.reject(new Error("no clipboard"));
    written.then(
      () => ended("copied"),
      () => ended("chosen below, copy it by hand"),
    );
  }

  function showOne(i) {
    describeOne(i);
    one.firstChild.focus();
  }

  function describeOne(i) {
    const line = command(records, i);
    const where =
      records.profile === "DIR" ? [element("p", {}, "DIR is the directory of this run.")] : [];
    const why = records.value("reason", i);
    const reason = why === null ? [] : [element("p", { class: "bad" }, why)];
    one.replaceChildren(
      element(
        "div",
        { class: "one", tabindex: "-1" },
        element(
          "p",
          {},
          element("strong", {}, records.shown("implementation", i)),
          ` · ${records.shown("problem", i)} · ${records.shown("result", i)}`,
        ),
        reason,
        element("p", {}, "The command that repeats exactly this:"),
        element("pre", { id: "explorer-command" }, line),
        where,
        element(
          "p",
          { class: "muted" },
          `case ${records.id(i)}, key ${records.key(i)} in rows.jsonl`,
        ),
        element(
          "button",
          { type: "button", onclick: () => give(line, "the command") },
          "copy command",
        ),
      ),
    );
  }

  // Nothing is drawn before the section is unfolded: then it has a width.
  const folded = app.closest("details");
  const whenOpen = () => {
    if (!folded || folded.open) show();
  };
  folded?.addEventListener("toggle", () => {
    if (!lines.childElementCount) whenOpen();
  });
  addEventListener("hashchange", () => {
    if (!location.hash.startsWith(START)) return;
    state = parsed(location.hash, records, defaults);
    whenOpen();
  });
  let width = innerWidth;
  addEventListener("resize", () => {
    if (innerWidth === width) return;
    width = innerWidth;
    whenOpen();
  });
  whenOpen();
}

unfold();
advisor();
explorer();
addEventListener("hashchange", unfold);
