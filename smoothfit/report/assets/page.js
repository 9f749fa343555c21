// The page itself: tables into their places, the theme, what is needed for printing.

fillParameters();
const matrix = covariance();
const places = [...document.querySelectorAll("[data-table]")];
if (matrix && document.querySelector('[data-table="pairs"]')) {
  const found = correlation(matrix);
  DATA.tables.pairs = pairsTable(DATA.covariance.names, found);
  new CorrelationMap(document.getElementById("map"), DATA.covariance.names, found);
}
const tables = places.map((home) => new ReportTable(home));

// -- light and dark: what the system has, until one chooses -----------------------------------------------

const theme = document.getElementById("theme"), dark = matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : dark.matches;
}
function showTheme() {
  theme.setAttribute("aria-pressed", String(isDark()));
}
theme.addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  showTheme();
});
dark.addEventListener("change", showTheme);
showTheme();

// -- where one is -----------------------------------------------------------------------------------------

const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const watcher = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      for (const [id, link] of links) {
        if (id === entry.target.id) link.setAttribute("aria-current", "true");
        else link.removeAttribute("aria-current");
      }
    }
  },
  { rootMargin: "-10% 0px -80% 0px" },
);
for (const id of links.keys()) watcher.observe(document.getElementById(id));

// -- on paper tables have their first rows ------------------------------------------------------------------

const PRINTED = 40;
addEventListener("beforeprint", () => tables.forEach((table) => table.limit(PRINTED)));
addEventListener("afterprint", () => tables.forEach((table) => table.limit(null)));
document.documentElement.dataset.ready = "true";
