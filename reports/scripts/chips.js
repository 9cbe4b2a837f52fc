// Filters: a chip a word of each field, with how many cases it would show.

const FEW = 8;
const MANY = 400;
// Words of which a field has a box to find one; what stands in it stays when chips are made anew.
const SEARCHED = 20;
const sought = new Map();

function chipFields(records) {
  return records.fields.filter(
    (field) =>
      field.kind !== "number" &&
      field.name !== "reason" &&
      field.distinct.length > 1 &&
      field.distinct.length <= MANY,
  );
}

function chips(fields, state, counts, toggle) {
  return fields.map((field) => {
    const chosen = state.filters.get(field.name) ?? new Set();
    const found = counts.get(field.name);
    const buttons = field.distinct.map((value) => {
      const n = found.get(word(value)) ?? 0;
      const pressed = chosen.has(word(value));
      return element(
        "button",
        {
          type: "button",
          class: n || pressed ? "chip" : "chip none",
          "aria-pressed": String(pressed),
          "data-field": field.name,
          "data-word": word(value),
          onclick: () => toggle(field.name, word(value)),
        },
        field.shown(value),
        element("span", { class: "n-of" }, ` ${n}`),
      );
    });
    const names = field.distinct.filter((value) => chosen.has(word(value))).map(field.shown);
    const said = chosen.size ? names.join(", ") : `${field.distinct.length}`;
    const folded = element(
      "details",
      {
        class: "facet",
        open: chosen.size > 0 || (field.distinct.length <= FEW && field.name !== "problem"),
      },
      element("summary", {}, field.label, element("span", { class: "about" }, ` ${said}`)),
      buttons.length > SEARCHED ? finder(field, buttons) : [],
      element("div", { class: "chips" }, buttons),
    );
    folded.dataset.facet = field.name;
    return folded;
  });
}

// A box that leaves the chips that have its text, and those that are chosen.
function finder(field, buttons) {
  const box = element("input", {
    type: "search",
    class: "finder",
    "aria-label": `find in ${field.label}`,
    placeholder: "find",
  });
  const find = () => {
    sought.set(field.name, box.value);
    const text = box.value.trim().toLowerCase();
    for (const each of buttons) {
      each.hidden = each.ariaPressed !== "true" && !each.textContent.toLowerCase().includes(text);
    }
  };
  box.value = sought.get(field.name) ?? "";
  box.addEventListener("input", find);
  find();
  return box;
}
