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

// Return a text that LaTeX sets as it is; a character that it does not know is a question mark.
function tex(text) {
  const set = [...text]
    .map((c) => TEX[c] ?? (c <= "\u007e" || (c >= "\u00a1" && c <= "\u00ff") ? c : "?"))
    .join("");
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
    const safe = (text) => (/^\s*[=+@-]/.test(text) && isNaN(Number(text)) ? `'${text}` : text);
    const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    const line = (cells) => cells.map((text) => cell(safe(text))).join(",");
    return [line(heads.map((head) => head.text)), ...rows.map(line), ""].join("\n");
  },
};
