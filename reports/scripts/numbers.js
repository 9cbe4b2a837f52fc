// Numbers as people read them: three significant digits, one prefix a column.

const PREFIXES = {
  s: [
    [1e-9, "ns"],
    [1e-6, "µs"],
    [1e-3, "ms"],
    [1, "s"],
  ],
  B: [
    [1, "B"],
    [2 ** 10, "KiB"],
    [2 ** 20, "MiB"],
    [2 ** 30, "GiB"],
  ],
};

// Return [factor, unit]: the largest prefix in which the least positive value is at least 1.
function scaleOf(values, unit) {
  const prefixes = PREFIXES[unit];
  if (!prefixes) return [1, unit];
  let least = Infinity;
  for (const value of values) if (value > 0 && value < least) least = value;
  const fitting = prefixes.filter(([factor]) => least >= factor);
  if (least === Infinity) return prefixes[prefixes.length - 1];
  return fitting.length ? fitting[fitting.length - 1] : prefixes[0];
}

function digits(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 1e-2 || size >= 1e7) {
    const [mantissa, exponent] = value.toExponential(1).split("e");
    return `${mantissa}e${Number(exponent)}`.replaceAll("-", "−");
  }
  return Number.isInteger(value) ? String(value) : value.toFixed(decimals(value));
}

// Decimals that show three significant digits, four after a leading 1.
function decimals(value) {
  const size = Math.abs(value);
  if (size === 0) return 0;
  const exponent = Math.floor(Math.log10(size));
  return Math.max(0, (size / 10 ** exponent < 2 ? 3 : 2) - exponent);
}

function quantity(value, unit) {
  if (value === null || value === undefined) return "–";
  if (!unit) return digits(value);
  const [factor, name] = scaleOf([Math.abs(value)], unit);
  return `${(value / factor).toFixed(decimals(value / factor))} ${name}`;
}
