// One tooltip: by pointer, by keyboard focus, by touch; Escape closes it, and the pointer may enter it.

const tip = document.getElementById("tooltip");
let tipOwner = null, tipTimer = 0;

function fillTip(title, lines) {
  tip.replaceChildren();
  const heading = document.createElement("strong");
  heading.textContent = title;
  const list = document.createElement("dl");
  for (const [term, text] of lines) {
    const dt = document.createElement("dt"), dd = document.createElement("dd");
    dt.textContent = term;
    dd.textContent = text;
    list.append(dt, dd);
  }
  tip.append(heading, list);
}

function showTip(owner, box, title, lines) {
  clearTimeout(tipTimer);
  if (tipOwner && tipOwner !== owner) tipOwner.removeAttribute("aria-describedby");
  tipOwner = owner;
  owner.setAttribute("aria-describedby", "tooltip");
  fillTip(title, lines);
  tip.hidden = false;
  const size = tip.getBoundingClientRect(), room = document.documentElement;
  const left = Math.min(Math.max(8, box.left), room.clientWidth - size.width - 8);
  const below = box.bottom + 6 + size.height < room.clientHeight || box.top < size.height + 12;
  tip.style.left = `${Math.max(8, left)}px`;
  tip.style.top = `${below ? box.bottom + 6 : box.top - size.height - 6}px`;
}

function hideTip(delay = 0) {
  clearTimeout(tipTimer);
  tipTimer = setTimeout(() => {
    tip.hidden = true;
    tipOwner?.removeAttribute("aria-describedby");
    tipOwner = null;
  }, delay);
}

tip.addEventListener("pointerenter", () => clearTimeout(tipTimer));
tip.addEventListener("pointerleave", () => hideTip(100));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hideTip();
});
document.addEventListener("scroll", () => document.activeElement !== tipOwner && hideTip(), { passive: true, capture: true });

// What has a line of text only, as a column's head.
function tipAtPointer(event) {
  return { left: event.clientX + 12, right: event.clientX + 12, top: event.clientY - 8, bottom: event.clientY + 8 };
}
