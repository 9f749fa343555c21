// Numbers as text, as smoothfit.render writes them.

function plainNumber(x, digits = 6) {
  if (x === null || x === undefined) return "–";
  if (typeof x !== "number") return String(x);
  if (x === 0) return "0";
  const exponent = Number(x.toExponential(digits - 1).split("e")[1]);
  if (exponent >= -4 && exponent < digits) return String(Number(x.toPrecision(digits)));
  const [mantissa, power] = x.toExponential(digits - 1).split("e");
  const size = Math.abs(Number(power)).toString().padStart(2, "0");
  return `${Number(mantissa)}e${Number(power) < 0 ? "-" : "+"}${size}`;
}

// To two significant digits of the error.
function withError(x, error) {
  if (typeof x !== "number") return plainNumber(x);
  if (typeof error !== "number" || !(error > 0)) return plainNumber(x);
  const exponent = Number(error.toExponential(1).split("e")[1]);
  const decimals = 1 - exponent;
  const largest = Math.max(Math.abs(x), error);
  if (largest >= 1e7 || decimals > 7) {
    const power = Number(largest.toExponential(1).split("e")[1]);
    const kept = decimals + power;
    const sign = power < 0 ? "-" : "+", size = String(Math.abs(power)).padStart(2, "0");
    return `(${fixed(x / 10 ** power, kept)} ± ${fixed(error / 10 ** power, kept)})e${sign}${size}`;
  }
  return `${fixed(x, decimals)} ± ${fixed(error, decimals)}`;
}

function fixed(x, decimals) {
  const step = 10 ** Math.max(0, -decimals);
  const text = decimals >= 0 ? x.toFixed(decimals) : String(Math.round(x / step) * step);
  return /^-[0.]*$/.test(text) ? text.slice(1) : text;
}
