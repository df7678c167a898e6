"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const table = document.getElementById("cells-table");
const rows = Array.from(table.tBodies[0].rows);
const heads = Array.from(table.tHead.rows[0].cells);
const value = (row, i) => row.cells[i].dataset.v ?? row.cells[i].textContent;

// filters

const text = document.getElementById("text");
const selects = Array.from(document.querySelectorAll("#filters select"));
const column = Object.fromEntries(heads.map((head, i) => [head.dataset.column, i]));

function filter() {
  const wanted = text.value.trim().toLowerCase();
  const chosen = selects.filter((select) => select.value !== "");
  let shown = 0;
  for (const row of rows) {
    const fits =
      chosen.every((select) => value(row, column[select.dataset.column]) === select.value) &&
      (wanted === "" || row.textContent.toLowerCase().includes(wanted));
    row.hidden = !fits;
    shown += fits;
  }
  document.getElementById("count").textContent = `${shown} of ${rows.length} cells`;
}

document.getElementById("filters").addEventListener("input", filter);
document.getElementById("filters").addEventListener("reset", () => setTimeout(filter));
document.getElementById("filters").addEventListener("submit", (event) => event.preventDefault());

// sorting: numbers by size, text by the alphabet, what is missing last

function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  const difference = Number(a) - Number(b);
  return Number.isNaN(difference) ? a.localeCompare(b, "en", { numeric: true }) : difference;
}

heads.forEach((head, i) => {
  head.querySelector("button").addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const other of heads) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const missing = (row) => value(row, i) === "";
    rows.sort((a, b) => (missing(a) || missing(b) || !down ? 1 : -1) * compare(value(a, i), value(b, i)));
    table.tBodies[0].append(...rows);
  });
});

// charts

async function unpack(element) {
  const packed = Uint8Array.from(atob(element.textContent), (character) => character.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).text();
}

async function draw() {
  const plots = Array.from(document.querySelectorAll(".plot"));
  if (plots.length === 0) return;
  if (typeof DecompressionStream === "undefined") {
    document.getElementById("no-charts").textContent =
      "This browser is too old to unpack the charts; the numbers are in the tables, and the static figures are linked below.";
    return;
  }
  const script = document.createElement("script");
  script.textContent = await unpack(document.getElementById("plotly"));
  document.head.append(script);
  const common = {
    margin: { l: 60, r: 10, t: 10, b: 45 },
    showlegend: false,
    hovermode: "closest",
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: "#1a1a1a" },
    paper_bgcolor: "#fff",
    plot_bgcolor: "#fff",
  };
  const axis = { gridcolor: "#e3e3e3", linecolor: "#555", ticks: "outside", zeroline: false, exponentformat: "power" };
  for (const plot of plots) {
    const panel = data[plot.dataset.chart][plot.dataset.panel];
    const layout = {
      ...common,
      xaxis: { ...axis, automargin: true, ...panel.layout.xaxis },
      yaxis: { ...axis, automargin: true, ...panel.layout.yaxis },
    };
    await Plotly.newPlot(plot, panel.traces, layout, { responsive: true, displaylogo: false, displayModeBar: "hover" });
  }
  document.getElementById("toggles").addEventListener("change", (event) => {
    for (const plot of plots) {
      const own = plot.data.flatMap((trace, i) => (trace.name === event.target.value ? [i] : []));
      if (own.length > 0) Plotly.restyle(plot, { visible: event.target.checked }, own);
    }
  });
  window.addEventListener("beforeprint", () => plots.forEach((plot) => Plotly.Plots.resize(plot)));
  document.body.dataset.drawn = "true";
}

// paper has no button that unfolds

window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => (part.open = true)));

filter();
draw();
