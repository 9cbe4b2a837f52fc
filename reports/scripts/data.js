// The records that the page holds: a column a field, texts as places in a list of words.

function reading(data) {
  const fields = data.fields.map((column) => ({
    ...column,
    get: getting(column),
    shown: showing(column),
  }));
  for (const field of fields) {
    field.distinct = field.kind === "number" ? [] : distinct(field, data.count);
    field.known = data.keys.filter((_, i) => field.get(i) !== null).length;
  }
  const [problem, rest, implementation] = data.ids.map(getting);
  const named = new Map(fields.map((field) => [field.name, field]));
  return {
    count: data.count,
    total: data.total,
    level: data.level,
    fields,
    named,
    value: (name, i) => named.get(name)?.get(i) ?? null,
    shown: (name, i) => (named.has(name) ? named.get(name).shown(named.get(name).get(i)) : "–"),
    all: Array.from({ length: data.count }, (_, i) => i),
    id: (i) => problem(i) + rest(i),
    key: (i) => data.keys[i],
    implementation,
    profile: data.profile,
  };
}

// A text that all records have has no places.
function getting(column) {
  if (!column.words) return (i) => column.values[i];
  if (!column.at) return () => column.words[0];
  return (i) => (column.at[i] < 0 ? null : column.words[column.at[i]]);
}

// What people read for a value: words may have names.
function showing(column) {
  const said = new Map((column.said ?? []).map((name, i) => [column.words[i], name]));
  return (value) => (value === null ? "–" : said.get(value) ?? String(value));
}

// Values of a field in the order in which people read them; numbers by size.
function distinct(field, count) {
  const found = new Set();
  for (let i = 0; i < count; i++) {
    const value = field.get(i);
    if (value !== null) found.add(value);
  }
  return [...found].sort(natural);
}

function natural(a, b) {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return String(a).localeCompare(String(b), "en", { numeric: true });
}

// What a field is told apart by on a chip and in an address.
const word = (value) => String(value);

// Return the records that pass the filters, and how many would have each word of each field if that
// field did not filter.
function filtered(records, filters, fields) {
  const counts = new Map(fields.map((field) => [field.name, new Map()]));
  const tests = [...filters].map(([name, words]) => [name, records.named.get(name), words]);
  const kept = [];
  for (const i of records.all) {
    const failed = tests.filter(([, field, words]) => !words.has(word(field.get(i))));
    if (failed.length > 1) continue;
    if (failed.length === 0) kept.push(i);
    for (const field of fields) {
      if (failed.length && failed[0][0] !== field.name) continue;
      const value = field.get(i);
      if (value === null) continue;
      const at = counts.get(field.name);
      at.set(word(value), (at.get(word(value)) ?? 0) + 1);
    }
  }
  return { kept, counts };
}

// Records in the order of a field; those without a value come last either way.
function sorted(records, kept, sort) {
  const down = sort.startsWith("-");
  const field = records.named.get(down ? sort.slice(1) : sort);
  if (!field) return kept;
  const sign = down ? -1 : 1;
  return [...kept].sort((a, b) => {
    const [x, y] = [field.get(a), field.get(b)];
    if (x === null || y === null) return (x === null) - (y === null) || a - b;
    return sign * natural(x, y) || a - b;
  });
}
