// Bars inside tables: one scale a column, drawn as SVG.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 200, HEIGHT = 20;

function svg(name, attributes = {}, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Half the width of the scale: all that is drawn has room.
function reach(values) {
  const sizes = values.filter((x) => typeof x === "number").map(Math.abs);
  return sizes.length ? Math.max(...sizes) : 0;
}

function steps(half) {
  // Room for three labels to each side, or fewer.
  const power = 10 ** Math.floor(Math.log10(half));
  return [0.1, 0.2, 0.5, 1, 2, 5].map((k) => k * power).find((step) => half / step < 3.3);
}

class Scale {
  constructor(half) {
    this.half = half > 0 ? half : 1;
  }
  at(x) {
    return WIDTH / 2 + (x / this.half) * (WIDTH / 2 - 4);
  }
  // Its axis, for the head of the column.
  axis() {
    const node = svg("svg", { class: "axis", viewBox: `0 0 ${WIDTH} 16`, width: WIDTH, height: 16, "aria-hidden": "true" });
    const step = steps(this.half);
    for (let k = -Math.floor(this.half / step); k <= this.half / step; k++) {
      const x = this.at(k * step);
      if (x < 10 || x > WIDTH - 10) continue;
      node.append(svg("line", { x1: x, x2: x, y1: 12, y2: 16, class: "tick" }));
      node.append(svg("text", { x, y: 10, "text-anchor": "middle" }, plainNumber(k * step, 3).replace("-", "−")));
    }
    return node;
  }
}

function frame(label) {
  const node = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", "aria-label": label });
  return node;
}

function drawPull(scale, pull, up, down, label) {
  const node = frame(label), middle = HEIGHT / 2;
  for (const k of [2, 1]) {
    const left = Math.max(0, scale.at(-k)), right = Math.min(WIDTH, scale.at(k));
    node.append(svg("rect", { x: left, y: 0, width: right - left, height: HEIGHT, class: `band${k}` }));
  }
  node.append(svg("line", { x1: scale.at(0), x2: scale.at(0), y1: 0, y2: HEIGHT, class: "zero" }));
  if (typeof pull !== "number") {
    node.append(svg("text", { x: scale.at(0), y: 14, "text-anchor": "middle" }, "free"));
    return node;
  }
  const ends = [pull - (down ?? 0), pull + (up ?? 0)].map((x) => scale.at(x));
  node.append(svg("line", { x1: ends[0], x2: ends[1], y1: middle, y2: middle, class: "error" }));
  for (const x of ends) node.append(svg("line", { x1: x, x2: x, y1: middle - 3, y2: middle + 3, class: "error" }));
  node.append(svg("circle", { cx: scale.at(pull), cy: middle, r: 3.5, class: "point" }));
  return node;
}

function drawImpact(scale, up, down, label) {
  const node = frame(label), zero = scale.at(0);
  node.append(svg("line", { x1: zero, x2: zero, y1: 0, y2: HEIGHT, class: "zero" }));
  // Bars to the same side: the one for down is thinner, so that both are seen.
  const same = typeof up === "number" && typeof down === "number" && up * down > 0;
  for (const [shift, side] of [[up, "up"], [down, "down"]]) {
    if (typeof shift !== "number") {
      node.append(svg("text", { x: zero + (side === "up" ? 8 : -8), y: 14, "text-anchor": "middle" }, "×"));
      continue;
    }
    const x = scale.at(shift), height = same && side === "down" ? 6 : 13;
    node.append(svg("rect", { x: Math.min(x, zero), y: (HEIGHT - height) / 2, width: Math.max(Math.abs(x - zero), 0.75), height, class: side }));
  }
  return node;
}
