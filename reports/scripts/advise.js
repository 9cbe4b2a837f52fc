// Advice: what is asked in a form is held against the grid of the page, as `reports advise` does.

const NEAR = 2;

// Return { copies, irreps } of e3nn's notation; irreps has [degree, parity] of each copy.
function irrepsOf(text) {
  const found = [];
  for (const part of text.replace(/\s/g, "").split("+")) {
    const match = /^(?:(\d+)x)?(\d+)([eo]?)$/.exec(part);
    if (!match) return { error: `“${part}” is no irrep: write 128x0e+128x1o, or 0+1+2` };
    found.push([match[1] ? Number(match[1]) : 1, Number(match[2]), match[3]]);
  }
  const copies = [...new Set(found.map(([n]) => n))].sort((a, b) => a - b);
  if (copies.length > 1) {
    const named = copies.join(" and ");
    return { error: `${named} copies: ask with ${copies[0]} and with ${copies.at(-1)}` };
  }
  return { copies: copies[0], irreps: found.map(([, l, p]) => [l, p]) };
}

const dimension = (irreps) => irreps.reduce((sum, [l]) => sum + 2 * l + 1, 0);

const shortIrreps = (irreps) => irreps.map(([l, p]) => `${l}${p}`).join("+");

const sameIrreps = (a, b) => {
  const sorted = (irreps) => [...new Set(irreps.map(String))].sort().join();
  return sorted(a) === sorted(b);
};

// Return [doublings, words]: how far a spot is from what is asked, and in what it differs.
function away(asked, spot, labels) {
  let distance = 0;
  const differs = [];
  asked.irreps.forEach((mine, i) => {
    const { irreps: theirs } = irrepsOf(spot.irreps[i]);
    if (sameIrreps(mine, theirs)) return;
    distance += Math.max(0.5, Math.abs(Math.log2(dimension(mine) / dimension(theirs))));
    differs.push(`${labels[i]} ${shortIrreps(theirs)} measured, ${shortIrreps(mine)} asked`);
  });
  for (const [name, mine, theirs] of [
    ["channels", asked.channels, spot.channels],
    [labels[3], asked.count, spot.count],
  ]) {
    if (!mine || !theirs || mine === theirs) continue;
    distance += Math.abs(Math.log2(mine / theirs));
    differs.push(`${name} ${theirs} measured, ${mine} asked`);
  }
  if (asked.pass !== spot.pass_) differs.push(`pass ${spot.pass_} measured, ${asked.pass} asked`);
  return [distance, differs];
}

function fails(choice, needs, lacks) {
  if (choice.breaks.length) return choice.broken;
  for (const need of needs) {
    if (need === "cross-product" && choice.loses.includes(lacks)) return lacks;
    if (need === "every-path" && !choice.complete)
      return choice.loses.join("; ") || "expresses less, or it is not known what";
  }
  return "";
}

function dominates(a, b) {
  if (a === b || a.seconds > b.seconds || !a.loses.every((loss) => b.loses.includes(loss)))
    return false;
  if (a.dim !== null && b.dim !== null && a.dim < b.dim) return false;
  return !(a.seconds === b.seconds && a.loses.length === b.loses.length && a.dim === b.dim);
}

// Return the advice of the nearest spot, or null where nothing of this kind is in the grid.
function advised(asked, grid) {
  const parity = asked.irreps[0].every(([, p]) => p !== "");
  const fitting = grid.spots
    .filter(
      (s) =>
      s.family === asked.family &&
      s.parity === parity &&
      s.dtype === (asked.dtype ?? "float32"),
    )
    .map((spot) => {
      const [distance, differs] = away(asked, spot, grid.labels[asked.family]);
      return { spot, distance, differs, other: spot.pass_ !== asked.pass ? 1 : 0 };
    })
    .sort((a, b) => a.other - b.other || a.distance - b.distance || b.spot.rounds - a.spot.rounds);
  if (!fitting.length) return null;
  const { spot, distance, differs } = fitting[0];
  const why = (choice) => fails(choice, asked.needs, grid.lacks);
  const kept = spot.choices.filter((choice) => !why(choice));
  const answer = kept.find((choice) => choice.complete) ?? null;
  const cheaper = kept.filter(
    (c) =>
      c !== answer &&
      !kept.some((other) => dominates(other, c)) &&
      (!answer || c.seconds < answer.seconds),
  );
  const excluded = spot.choices.filter(why).map((choice) => [choice, why(choice)]);
  return { spot, distance, differs, answer, cheaper, excluded };
}

function givesUp(choice) {
  const none = choice.complete ? "nothing" : "not known";
  const said = choice.loses.length ? [...choice.loses] : [none];
  const of = choice.full ? ` of ${choice.full}` : "";
  if (choice.dim !== null) said.push(`${choice.dim}${of} dimensions`);
  return said.join("; ");
}

function sure(advice, asked) {
  if (!advice.differs.length) return "measured at this shape";
  const same = advice.spot.pass_ === asked.pass;
  const near = same && advice.distance <= NEAR ? "near" : "far";
  const far = `${advice.distance.toFixed(1)} doublings away`;
  return `${near}, not at this shape (${far}): ${advice.differs.join("; ")}`;
}

function commandOf(asked, labels) {
  const words = ["python -m bench run", `--family ${asked.family}`];
  asked.irreps.forEach((irreps, i) =>
    words.push(`--${labels[i].replaceAll("_", "-")} ${shortIrreps(irreps)}`),
  );
  words.push(`--channels ${asked.channels}`);
  if (asked.count && labels[3] === "batch") words.push(`--batch ${asked.count}`);
  return [...words, `--pass ${asked.pass}`].join(" ");
}

function advisor() {
  const app = document.getElementById("advise-app");
  const source = document.getElementById("advise-data");
  if (!app || !source) return;
  const grid = JSON.parse(source.textContent);
  const families = [...new Set(grid.spots.map((spot) => spot.family))];
  const passes = [...new Set(grid.spots.map((spot) => spot.pass_))];
  const fields = element("div", { id: "advise-fields" });
  const out = element("div", { id: "advise-answer", role: "status" });
  const inputs = new Map();

  const field = (name, label, input) => {
    input.id = `advise-${name}`;
    input.addEventListener("input", name === "family" ? filled : show);
    inputs.set(name, input);
    return element("label", { for: input.id }, label, input);
  };
  const chosen = (name, options, titles = {}) =>
    element(
      "select",
      {},
      options.map((value) => element("option", { value }, titles[value] ?? value)),
    );
  fields.append(
    field("family", "what is multiplied", chosen("family", families, grid.families)),
    ...["first", "second", "out"].map((name) =>
      field(name, name, element("input", { type: "text", size: "22", spellcheck: "false" })),
    ),
    field("channels", "channels", element("input", { type: "number", min: "1" })),
    field("count", "how many", element("input", { type: "number", min: "1" })),
    field("pass", "pass", chosen("pass", passes, grid.passes)),
    ...Object.entries(grid.needs).map(([need, about]) =>
      field(need, about, element("input", { type: "checkbox" })),
    ),
  );

  // The form begins with the first spot of the family.
  function filled() {
    const family = inputs.get("family").value;
    const spot = grid.spots.find((each) => each.family === family);
    ["first", "second", "out"].forEach((name, i) => {
      inputs.get(name).value = shortIrreps(irrepsOf(spot.irreps[i]).irreps);
      inputs.get(name).parentElement.firstChild.textContent = grid.labels[family][i];
    });
    inputs.get("channels").value = spot.channels;
    inputs.get("count").value = spot.count;
    inputs.get("count").parentElement.firstChild.textContent = grid.labels[family][3];
    inputs.get("pass").value = spot.pass_;
    show();
  }

  function show() {
    const read = ["first", "second", "out"].map((name) => irrepsOf(inputs.get(name).value));
    const wrong = read.find((each) => each.error);
    if (wrong) {
      out.replaceChildren(element("p", { class: "bad" }, wrong.error));
      return;
    }
    const asked = {
      family: inputs.get("family").value,
      irreps: read.map((each) => each.irreps),
      channels: read[0].copies > 1 ? read[0].copies : Number(inputs.get("channels").value) || 1,
      count: Number(inputs.get("count").value) || null,
      pass: inputs.get("pass").value,
      needs: Object.keys(grid.needs).filter((need) => inputs.get(need).checked),
    };
    const advice = advised(asked, grid);
    out.replaceChildren(
      advice
        ? told(advice, asked)
        : element("p", {}, "Nothing of this kind is in this page, and nothing is guessed."),
    );
  }

  function told(advice, asked) {
    const { spot, answer } = advice;
    const lines = [];
    const said = (c) => `${c.title} (${c.implementation}), ${c.time}`;
    if (answer) {
      const beside = ["", "the baseline"].includes(answer.baseline)
        ? ""
        : `; against the baseline: ${answer.baseline}`;
      lines.push(["Answer", [said(answer) + beside]], ["Gives up", [givesUp(answer)]]);
    } else lines.push(["Answer", ["none that was timed there gives up nothing"]]);
    lines.push(["How sure", [sure(advice, asked)]]);
    const rounds = `${spot.rounds} fresh process(es) of ${grid.rounds}`;
    if (spot.rounds < grid.rounds) lines.at(-1)[1].push(`not replicated: ${rounds}`);
    if (advice.cheaper.length) {
      const cheaper = advice.cheaper.map((c) => {
        const beside = answer ? `; ${c.speeds[answer.operation]}` : "";
        return `${said(c)}${beside}; gives up: ${givesUp(c)}`;
      });
      lines.push([answer ? "Cheaper" : "Instead", cheaper]);
    }
    if (advice.excluded.length)
      lines.push(["Excluded", advice.excluded.map(([c, why]) => `${c.title}: ${why}`)]);
    const unknown = [`times on your machine: these are of ${spot.machine}`];
    if (advice.differs.length)
      unknown.push("times at your shape: those above are of the nearest shape, and not scaled");
    const counted = grid.labels[asked.family][3];
    if (!asked.count) unknown.push(`${counted}: not asked, ${spot.count} measured`);
    lines.push(["Not known", unknown]);
    lines.push(["Measure", [commandOf(asked, grid.labels[asked.family])]]);
    const parts = lines.flatMap(([name, texts]) => [
      element("dt", {}, name),
      element(
        "dd",
        {},
        texts.map((text) => element("span", { class: "line" }, text)),
      ),
    ]);
    const from = element("a", { href: `#${spot.anchor}` }, spot.problem);
    parts.push(element("dt", {}, "Sources"), element("dd", {}, from));
    return element("dl", { class: "facts" }, parts);
  }

  app.append(fields, out);
  app.hidden = false;
  filled();
}
