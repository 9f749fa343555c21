// Files made here, of what is in the page: nothing is fetched.

function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function csvCell(value) {
  if (value === null || value === undefined) return "";
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

// RFC 4180; numbers with all their digits, what is not known is empty.
function csv(data) {
  const names = Object.keys(data), columns = names.map((name) => unpack(data[name]));
  const lines = [names.map(csvCell).join(",")];
  for (let i = 0; i < (columns[0]?.length ?? 0); i++) {
    lines.push(columns.map((column) => csvCell(column === null ? null : column[i])).join(","));
  }
  return lines.join("\r\n") + "\r\n";
}

function columnsOf(table) {
  return Object.fromEntries(Object.entries(table.data).map(([name, column]) => [name, unpack(column)]));
}

// Everything: the fit, all tables by columns, and what was added to the report.
function everything() {
  const tables = Object.fromEntries(Object.entries(DATA.tables).map(([id, table]) => [id, columnsOf(table)]));
  return { about: DATA.about, fit: fitRecord(), tables, records: DATA.records };
}

function download(what) {
  const [kind, id] = [what.slice(0, what.indexOf(":")), what.slice(what.indexOf(":") + 1)];
  const stem = DATA.file;
  if (kind === "csv") save(`${stem}-${id.replaceAll(/[^A-Za-z0-9_.-]+/g, "_")}.csv`, "text/csv", csv(DATA.tables[id].data));
  if (kind === "json" && id === "fit") save(`${stem}-fit.json`, "application/json", JSON.stringify(fitRecord(), null, 2));
  if (kind === "json" && id === "all") save(`${stem}.json`, "application/json", JSON.stringify(everything(), null, 2));
  if (kind === "matrix") {
    const names = DATA.covariance.names, rows = id === "correlation" ? correlation(covariance()) : covariance();
    // As lists: an object would sort names that look like numbers.
    const lines = [["name", ...names], ...rows.map((row, i) => [names[i], ...row])];
    save(`${stem}-${id}.csv`, "text/csv", lines.map((line) => line.map(csvCell).join(",")).join("\r\n") + "\r\n");
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-download]");
  if (button) download(button.dataset.download);
});
