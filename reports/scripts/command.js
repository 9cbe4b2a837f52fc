// The command that measures exactly one case again.

function command(records, i) {
  const value = (name) => records.named.get(name)?.get(i);
  const id = records.id(i);
  const parts = ["python -m bench run", "--profile", quoted(records.profile)];
  for (const [option, word] of [
    ["implementation", records.implementation(i)],
    ["pass", value("pass")],
    ["mode", value("mode")],
    ["device", value("device")],
    ["precision", value("precision")],
    ["threads", value("threads")],
    ["rounds", value("rounds")],
  ]) {
    if (word !== null && word !== undefined) parts.push(`--${option}`, quoted(String(word)));
  }
  if (id.includes("[")) parts.push("--vary");
  parts.push("--select", quoted(id.replace(/[[*?]/g, "[$&]")), "--out", "again");
  return parts.join(" ");
}

function quoted(text) {
  return /^[\w@%+:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
