// A table of texts as LaTeX (booktabs), Markdown or CSV.

const TEX = {
  "\\": "\\textbackslash{}",
  "{": "\\{",
  "}": "\\}",
  $: "\\$",
  "&": "\\&",
  "#": "\\#",
  _: "\\_",
  "%": "\\%",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "<": "\\textless{}",
  ">": "\\textgreater{}",
  "|": "\\textbar{}",
  '"': "''",
  µ: "$\\mu$",
  "×": "$\\times$",
  "–": "--",
  "—": "---",
  "−": "$-$",
  "⊗": "$\\otimes$",
  "→": "$\\to$",
  "≤": "$\\le$",
  "≥": "$\\ge$",
  "\u00a0": "~",
  "\u202f": "\\,",
};

const TEX_KNOWS = /[ -~À-ÏÑ-ÖØ-Ýß-ïñ-öø-ýÿ]/;

// Return a text that LaTeX sets as it is; a character that it does not know is a question mark.
function tex(text) {
  const power = text.match(/^([\d.]+)e(−?)(\d+)$/);
  if (power) return `$${power[1]}\\times10^{${power[2] ? "-" : ""}${power[3]}}$`;
  const set = [...text].map((c) => TEX[c] ?? (TEX_KNOWS.test(c) ? c : "?")).join("");
  return /^[[*]/.test(set) ? `{}${set}` : set;
}

// Each takes heads [{text, numeric}], rows of texts, and a note of where they come from.
const FORMATS = {
  LaTeX(heads, rows, note) {
    const line = (cells) => `${cells.map(tex).join(" & ")} \\\\`;
    return [
      `% ${note.replaceAll("\n", " ")}; needs \\usepackage{booktabs}`,
      `\\begin{tabular}{${heads.map((head) => (head.numeric ? "r" : "l")).join("")}}`,
      "\\toprule",
      line(heads.map((head) => head.text)),
      "\\midrule",
      ...rows.map(line),
      "\\bottomrule",
      "\\end{tabular}",
      "",
    ].join("\n");
  },
  Markdown(heads, rows, note) {
    const cell = (text) => text.replace(/[\\|<>&`*_[\]~]/g, "\\$&");
    const line = (cells) => `| ${cells.join(" | ")} |`;
    return [
      line(heads.map((head) => cell(head.text))),
      line(heads.map((head) => (head.numeric ? "---:" : ":---"))),
      ...rows.map((row) => line(row.map(cell))),
      "",
      cell(note),
      "",
    ].join("\n");
  },
  CSV(heads, rows) {
    const plain = (text) => (text === "–" ? "" : text.replaceAll("−", "-"));
    const safe = (text) => (/^\s*[=+@-]/.test(text) && isNaN(Number(text)) ? `'${text}` : text);
    const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const line = (cells) => cells.map((text) => cell(safe(plain(text)))).join(",");
    return [line(heads.map((head) => head.text)), ...rows.map(line), ""].join("\n");
  },
};
