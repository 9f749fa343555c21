// Tables: sorted by any column, searched, walked through with the arrow keys; a row tells all of itself in a tooltip.

const MOST = 300;
const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

class ReportTable {
  constructor(home) {
    this.home = home;
    this.id = home.dataset.table;
    this.table = DATA.tables[this.id];
    this.data = columnsOf(this.table);
    this.rows = Object.values(this.data)[0]?.length ?? 0;
    this.choice = this.table.choices[0];
    this.most = MOST;
    this.words = "";
    this.sortBy = this.table.columns.findIndex((column) => column.key === this.table.sort);
    this.descending = this.sortBy >= 0;
    this.texts = Array.from({ length: this.rows }, (_, i) => this.searched(i));
    this.build();
    this.fill();
  }

  // Keys of columns, with the chosen parameter of interest.
  key(key) {
    return this.choice === undefined ? key : key.replace(/^\*/, () => this.choice);
  }
  cell(key, i) {
    return this.data[this.key(key)]?.[i] ?? null;
  }
  searched(i) {
    const texts = Object.values(this.data).map((column) => column?.[i]).filter((x) => typeof x === "string");
    return texts.join(" ").toLowerCase();
  }

  text(column, i) {
    const value = this.cell(column.key, i);
    if (column.kind === "value") return withError(value, this.cell(column.of[0], i));
    if (column.kind === "number") return plainNumber(value, column.digits);
    if (column.kind === "pull") {
      if (typeof value !== "number") return "free: no pull";
      const [up, down] = column.of.map((key) => this.cell(key, i));
      return `${plainNumber(value, 3)} +${plainNumber(up, 3)} -${plainNumber(down, 3)}`;
    }
    if (column.kind === "impact") {
      const [up, down] = column.of.map((key) => this.cell(key, i));
      return `up ${plainNumber(up, 3)}, down ${plainNumber(down, 3)}`;
    }
    return value === null ? "" : String(value);
  }

  // -- building ------------------------------------------------------------------------------------------

  build() {
    const title = this.table.title, tools = element("div", { class: "tools" });
    if (this.table.choices.length > 1) {
      const select = element("select", {}, ...this.table.choices.map((name) => element("option", {}, name)));
      select.addEventListener("change", () => this.choose(select.selectedIndex));
      tools.append(element("label", {}, "Parameter of interest ", select));
    }
    if (this.rows > 20) {
      const search = element("input", { type: "search", placeholder: "words; -word leaves out", autocomplete: "off", spellcheck: "false" });
      search.addEventListener("input", () => this.search(search.value));
      tools.append(element("label", {}, "Search ", search));
    }
    this.count = element("span", { class: "count", role: "status" });
    const button = element("button", { type: "button", "data-download": `csv:${this.id}` }, "CSV");
    button.setAttribute("aria-label", `Save ${title} as CSV`);
    tools.append(this.count, button);

    this.heads = this.table.columns.map((column, k) => {
      const sort = element("button", { type: "button" }, this.title(column));
      sort.addEventListener("click", () => this.sort(k));
      return element("th", { scope: "col", class: column.kind }, sort);
    });
    this.body = element("tbody");
    this.body.addEventListener("keydown", (event) => this.walk(event));
    this.body.addEventListener("focusin", (event) => this.tell(event.target.closest("tr")));
    this.body.addEventListener("focusout", () => hideTip());
    this.body.addEventListener("pointerover", (event) => {
      if (event.pointerType !== "touch") this.tell(event.target.closest("tr"), tipAtPointer(event));
    });
    this.body.addEventListener("pointerleave", () => hideTip(100));
    const head = element("thead", {}, element("tr", {}, ...this.heads));
    const table = element("table", {}, element("caption", {}, title), head, this.body);
    const around = element("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": `Table: ${title}` }, table);
    this.more = element("button", { type: "button", class: "more" });
    this.more.addEventListener("click", () => {
      this.most = Infinity;
      this.fill();
    });
    this.home.replaceChildren(tools, around, this.more);
    if (this.table.note) this.home.append(element("p", { class: "note" }, this.table.note));
  }

  title(column) {
    return column.title;
  }

  choose(index) {
    this.choice = this.table.choices[index];
    this.fill();
  }
  search(words) {
    this.words = words.toLowerCase();
    this.fill();
  }
  sort(k) {
    const numeric = this.table.columns[k].kind !== "text" && this.table.columns[k].kind !== "mark";
    this.descending = this.sortBy === k ? !this.descending : numeric;
    this.sortBy = k;
    this.fill();
  }

  // -- rows ----------------------------------------------------------------------------------------------

  order() {
    // Words that are all there, and none of those behind a minus.
    const words = this.words.split(/\s+/).filter(Boolean);
    const matches = (text, word) => (/^-./.test(word) ? !text.includes(word.slice(1)) : text.includes(word));
    const found = [];
    for (let i = 0; i < this.rows; i++) if (words.every((word) => matches(this.texts[i], word))) found.push(i);
    if (this.sortBy < 0) return found;
    const { key, size } = this.table.columns[this.sortBy];
    const side = this.descending ? -1 : 1;
    const rank = (x) => (size && typeof x === "number" ? Math.abs(x) : x);
    return found.sort((i, j) => {
      const [a, b] = [rank(this.cell(key, i)), rank(this.cell(key, j))];
      // What is not known comes last, whatever the direction.
      if (a === null || b === null || a === "" || b === "") return (a === null || a === "") - (b === null || b === "") || i - j;
      if (typeof a === "number" && typeof b === "number") return side * (a - b) || i - j;
      return side * collator.compare(a, b) || i - j;
    });
  }

  scales() {
    return this.table.columns.map((column) => {
      const sides = column.of.map((key) => this.data[this.key(key)] ?? []);
      if (column.kind === "impact") return new Scale(1.08 * reach(sides.flat()));
      if (column.kind !== "pull") return null;
      const pulls = this.data[this.key(column.key)];
      const ends = pulls.map((x, i) => (typeof x === "number" ? Math.abs(x) + Math.max(...sides.map((side) => side[i] ?? 0)) : 0));
      // One far away must not press all others together.
      return new Scale(Math.min(Math.max(2.4, 1.05 * reach(ends)), 6));
    });
  }

  // So many rows for now; null takes that back.
  limit(most) {
    this.limited = most;
    if (this.rows > PRINTED) this.fill();
  }

  fill() {
    const order = this.order(), shown = order.slice(0, this.limited ?? this.most), scales = this.scales();
    this.heads.forEach((head, k) => {
      head.querySelector("svg")?.remove();
      if (scales[k]) head.append(scales[k].axis());
      if (k === this.sortBy) head.setAttribute("aria-sort", this.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    this.body.replaceChildren(...shown.map((i, place) => this.row(i, place, scales)));
    this.count.textContent = order.length === this.rows ? `${this.rows} row${this.rows === 1 ? "" : "s"}` : `${order.length} of ${this.rows} rows`;
    this.more.hidden = shown.length === order.length;
    this.more.textContent = this.limited ? `The first ${shown.length} of ${order.length} rows` : `Show all ${order.length} rows`;
  }

  row(i, place, scales) {
    const row = element("tr", { "data-row": i, tabindex: place === 0 ? "0" : "-1" });
    this.table.columns.forEach((column, k) => {
      const text = this.text(column, i);
      const cell = k === 0 ? element("th", { scope: "row" }) : element("td", { class: column.kind });
      if (column.kind === "pull") {
        const [up, down] = column.of.map((key) => this.cell(key, i));
        cell.append(drawPull(scales[k], this.cell(column.key, i), up, down, text));
      } else if (column.kind === "impact") {
        cell.append(drawImpact(scales[k], ...column.of.map((key) => this.cell(key, i)), text));
      } else if (column.kind === "mark" && text) {
        cell.append(element("span", { class: `badge ${text.replaceAll(/[^a-z]+/g, "-")}` }, text));
      } else {
        cell.append(text);
      }
      row.append(cell);
    });
    return row;
  }

  walk(event) {
    const row = event.target.closest("tr"), rows = [...this.body.rows], at = rows.indexOf(row);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: at + 10, PageUp: at - 10 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const next = rows[Math.min(Math.max(to, 0), rows.length - 1)];
    row.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    // First to its place, so that the tooltip is beside it.
    next.scrollIntoView({ block: "nearest", behavior: "instant" });
    next.focus({ preventScroll: true });
  }

  tell(row, box) {
    if (!row || row.dataset.row === undefined) return;
    const i = Number(row.dataset.row), [first, ...others] = this.table.columns;
    // What is drawn and written is told once.
    const told = [...new Map(others.map((column) => [this.title(column).replace(", drawn", ""), this.text(column, i)]))];
    for (const key of ["label", "group"]) {
      if (typeof this.data[key]?.[i] === "string" && !others.some((column) => column.key === key)) {
        told.unshift([key[0].toUpperCase() + key.slice(1), this.data[key][i]]);
      }
    }
    const at = box ?? row.cells[0].getBoundingClientRect();
    showTip(row, at, this.text(first, i), told.filter(([, text]) => text !== ""));
  }
}
