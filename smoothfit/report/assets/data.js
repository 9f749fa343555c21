// The data of the page: columns of tables, the fit, and the covariance, each once.

const DATA = JSON.parse(document.getElementById("data").textContent);

function unpack(column) {
  if (column === null || Array.isArray(column)) return column;
  const bytes = Uint8Array.from(atob(column.f8), (sign) => sign.charCodeAt(0));
  return Array.from(new Float64Array(bytes.buffer), (x) => (Number.isFinite(x) ? x : null));
}

// The columns of the parameters come from the fit, which is there anyway; in the order of the model, as keys of an
// object that look like numbers would come first.
function fillParameters() {
  const { data } = DATA.tables.parameters, { parameters, bin_parameters } = DATA.fit;
  const entries = data.name.map((name) => (Object.hasOwn(parameters, name) ? parameters[name] : bin_parameters[name]));
  const limited = entries.map((entry) => entry.at_limit === true);
  Object.assign(data, {
    value: entries.map((entry) => entry.value),
    error: entries.map((entry) => (entry.fixed ? null : entry.error)),
    fixed: entries.map((entry) => entry.fixed),
    at_limit: limited,
    note: entries.map((entry, i) => (entry.fixed ? "held" : limited[i] ? "at limit" : "")),
  });
}

// Row by row, of the parameters that are not hidden.
function covariance() {
  if (!DATA.covariance) return null;
  const numbers = unpack(DATA.covariance.matrix), n = DATA.covariance.names.length;
  return Array.from({ length: n }, (_, i) => numbers.slice(i * n, (i + 1) * n));
}

function correlation(rows) {
  const scale = rows.map((row, i) => (row[i] === 0 ? 1 : Math.sqrt(row[i])));
  return rows.map((row, i) => row.map((x, j) => (x === null ? null : x / scale[i] / scale[j])));
}

// The record of the fit as to_json() writes it.
function fitRecord() {
  const names = DATA.fit.names, shown = new Map((DATA.covariance?.names ?? []).map((name, i) => [name, i]));
  const rows = covariance() ?? [];
  const full = (matrix) =>
    names.map((a) =>
      names.map((b) => (shown.has(a) && shown.has(b) ? matrix[shown.get(a)][shown.get(b)] : DATA.absent)),
    );
  const { obs, globs, minima, ...rest } = DATA.fit;
  const matrices = DATA.covariance ? { covariance: full(rows), correlation: full(correlation(rows)) } : {};
  return { ...rest, ...matrices, obs, globs, ...(minima === undefined ? {} : { minima }) };
}
