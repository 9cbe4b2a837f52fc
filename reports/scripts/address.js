// What is shown stands in the address, behind #explorer?: filters by their field, then the plot.

const START = "#explorer?";
const WORDS = ["x", "y", "per", "colour", "panels", "sort", "case"];
const FLAGS = ["logx", "logy"];

function parsed(hash, records, defaults) {
  const state = { ...defaults, filters: new Map() };
  if (!hash.startsWith(START)) return state;
  for (const part of hash.slice(START.length).split("&")) {
    const [[name], value] = part.split(/=(.*)/s, 2).map(decoded);
    if (value === undefined) continue;
    if (FLAGS.includes(name)) state[name] = value[0] === "1";
    else if (WORDS.includes(name)) state[name] = value[0];
    else if (records.named.has(name)) state.filters.set(name, new Set(value));
  }
  return state;
}

// A name, or the values of one: commas stand between them, those inside are escaped.
function decoded(text) {
  return text.split(",").map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
}

function written(state, defaults) {
  const parts = [...state.filters]
    .filter(([, words]) => words.size)
    .map(([name, words]) => [name, [...words].map(encodeURIComponent).join(",")]);
  for (const name of WORDS) {
    if (state[name] !== defaults[name]) parts.push([name, encodeURIComponent(state[name])]);
  }
  for (const name of FLAGS) {
    if (state[name] !== defaults[name]) parts.push([name, state[name] ? "1" : "0"]);
  }
  return START + parts.map(([name, value]) => `${encodeURIComponent(name)}=${value}`).join("&");
}
