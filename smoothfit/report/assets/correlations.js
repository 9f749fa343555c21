// Correlations: a map of the parameters that have the largest ones, and a table of the strongest pairs.

const MOST_NAMES = 40, MOST_PAIRS = 1000;

// Positions of the parameters with the largest correlation to any other, in the order of the fit.
function strongest(matrix) {
  const size = matrix.map((row, i) => row.reduce((most, x, j) => (i === j || x === null ? most : Math.max(most, Math.abs(x))), 0));
  const order = size.map((_, i) => i).filter((i) => matrix[i][i] !== 0);
  return order.sort((i, j) => size[j] - size[i] || i - j).slice(0, MOST_NAMES).sort((i, j) => i - j);
}

function pairsTable(names, matrix) {
  const pairs = [];
  for (let i = 0; i < names.length; i++) {
    for (let j = 0; j < i; j++) if (matrix[i][j] !== null && matrix[i][i] !== 0 && matrix[j][j] !== 0) pairs.push([j, i, matrix[i][j]]);
  }
  const all = pairs.length;
  const kept = pairs.sort((a, b) => Math.abs(b[2]) - Math.abs(a[2])).slice(0, MOST_PAIRS);
  return {
    title: "Strongest correlations",
    columns: [
      { key: "first", title: "Parameter", kind: "text", of: [] },
      { key: "second", title: "Parameter", kind: "text", of: [] },
      { key: "correlation", title: "Correlation", kind: "number", of: [], size: true, digits: 4 },
    ],
    data: { first: kept.map((p) => names[p[0]]), second: kept.map((p) => names[p[1]]), correlation: kept.map((p) => p[2]) },
    sort: "correlation",
    note: all > kept.length ? `The ${kept.length} strongest of ${all} pairs; the matrix has all.` : "",
    choices: [],
  };
}

class CorrelationMap {
  constructor(home, names, matrix) {
    this.at = strongest(matrix);
    this.names = names;
    this.matrix = matrix;
    this.cursor = [0, 0];
    const n = this.at.length, longest = Math.max(0, ...this.at.map((i) => names[i].length));
    // In units of the drawing: a cell is 16, a letter about 6.4 wide.
    this.cell = 16;
    this.margin = Math.min(220, 12 + 6.4 * longest);
    const side = this.margin + n * this.cell;
    this.svg = svg("svg", { class: "map", viewBox: `0 0 ${side} ${side}`, tabindex: "0", role: "application", "aria-roledescription": "map of correlations" });
    this.svg.style.maxWidth = `${1.1 * side}px`;
    this.svg.setAttribute("aria-label", this.words());
    this.draw();
    this.svg.addEventListener("pointerover", (event) => this.point(event));
    this.svg.addEventListener("click", (event) => this.point(event));
    this.svg.addEventListener("pointerleave", () => hideTip(100));
    this.svg.addEventListener("keydown", (event) => this.walk(event));
    this.svg.addEventListener("focus", () => this.svg.matches(":focus-visible") && this.tell(...this.cursor));
    this.svg.addEventListener("blur", () => hideTip());
    home.replaceChildren(this.svg);
  }

  words() {
    const n = this.at.length;
    return `Correlations of ${n} parameters, those with the largest ones. Arrow keys move from cell to cell; the table of pairs has the same numbers.`;
  }

  draw() {
    const n = this.at.length, { margin, cell } = this;
    this.at.forEach((i, a) => {
      const middle = margin + (a + 0.5) * cell, name = shorten(this.names[i]);
      this.svg.append(svg("text", { x: margin - 5, y: middle + 4, "text-anchor": "end" }, name));
      this.svg.append(svg("text", { transform: `translate(${middle + 4},${margin - 5}) rotate(-90)` }, name));
    });
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < n; b++) {
        const x = this.matrix[this.at[a]][this.at[b]] ?? 0;
        const place = { x: margin + b * cell, y: margin + a * cell, width: cell - 1, height: cell - 1 };
        this.svg.append(svg("rect", { ...place, class: "cell" }));
        // Small ones stay visible: the eye wants the root.
        const colour = { class: x < 0 ? "negative" : "positive", "fill-opacity": Math.min(1, Math.abs(x) ** 0.7).toFixed(3) };
        if (x !== 0) this.svg.append(svg("rect", { ...place, ...colour }));
      }
    }
    this.mark = svg("rect", { width: cell + 1, height: cell + 1, class: "cursor", visibility: "hidden" });
    this.svg.append(this.mark);
  }

  point(event) {
    const box = this.svg.getBoundingClientRect(), unit = this.svg.viewBox.baseVal.width / box.width;
    const [b, a] = [event.clientX - box.left, event.clientY - box.top].map((x) => Math.floor((x * unit - this.margin) / this.cell));
    if (a >= 0 && b >= 0 && a < this.at.length && b < this.at.length) this.tell(a, b);
  }

  walk(event) {
    const moves = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    const last = this.at.length - 1;
    this.tell(...this.cursor.map((x, k) => Math.min(Math.max(x + move[k], 0), last)));
  }

  tell(a, b) {
    this.cursor = [a, b];
    this.mark.setAttribute("x", this.margin + b * this.cell - 1);
    this.mark.setAttribute("y", this.margin + a * this.cell - 1);
    this.mark.setAttribute("visibility", "visible");
    const [first, second] = [this.names[this.at[a]], this.names[this.at[b]]];
    const text = plainNumber(this.matrix[this.at[a]][this.at[b]], 4);
    showTip(this.svg, this.mark.getBoundingClientRect(), `${first} × ${second}`, [["Correlation", text]]);
    document.getElementById("spoken").textContent = `${first} and ${second}: ${text}`;
  }
}

function shorten(name) {
  return name.length > 32 ? `${name.slice(0, 31)}…` : name;
}
