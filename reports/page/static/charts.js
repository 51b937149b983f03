"use strict";
// Charts with Observable Plot, from the JSON on the page. Text reaches the page as text nodes only.
(() => {
  const read = (id) => {
    const element = document.getElementById(id);
    return element ? JSON.parse(element.textContent) : [];
  };
  // Okabe and Ito's colours, with a symbol of its own for each row.
  const COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#7F7F7F"];
  const add = (place, title, chart) => {
    const figure = document.createElement("figure");
    const caption = document.createElement("figcaption");
    caption.textContent = title;
    figure.append(caption, chart);
    document.getElementById(place).append(figure);
  };
  const described = (chart, text) => {
    const svg = chart.tagName === "svg" ? chart : chart.querySelector(":scope > svg");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", text);
    // The picture has one name; its groups have no role that could carry theirs.
    for (const group of svg.querySelectorAll("g[aria-label]")) group.removeAttribute("aria-label");
    return chart;
  };
  // Two beside one another where there is room, one on a phone.
  const room = document.getElementById("main").querySelector("section").clientWidth;
  const width = room >= 900 ? Math.floor((room - 32) / 2) : Math.min(640, room);

  for (const { task, label, points } of read("scatter-data")) {
    const better = (a, b) => (label.includes("ER") ? a < b : a > b);
    const front = [];
    for (const point of d3.sort(points, (p) => p.x)) {
      if (!front.length || better(point.y, front.at(-1).y)) front.push(point);
    }
    const names = [...new Set(points.map((p) => p.name))];
    const chart = Plot.plot({
      width,
      height: 360,
      marginLeft: 52,
      marginTop: 28,
      marginBottom: 44,
      style: { background: "transparent", fontSize: "13px" },
      x: { type: "log", label: "trained parameters", tickFormat: "~s", ticks: width / 90, grid: true, inset: 12 },
      y: { label, grid: true, nice: true },
      color: { domain: names, range: names.map((_, i) => COLOURS[i % COLOURS.length]) },
      symbol: { domain: names, legend: true },
      marks: [
        Plot.line(front, { x: "x", y: "y", curve: "step-after", stroke: "currentColor", strokeOpacity: 0.35 }),
        Plot.ruleX(points, { x: "x", y1: "low", y2: "high", stroke: "name" }),
        Plot.dot(points, { x: "x", y: "y", stroke: "name", symbol: "name", r: 5, strokeWidth: 2 }),
        Plot.tip(points, Plot.pointer({
          x: "x",
          y: "y",
          title: (p) => `${p.name}\n${p.y.toFixed(2)}${p.quoted ? "" : ` [${p.low.toFixed(2)}, ${p.high.toFixed(2)}]`}\n${p.x.toLocaleString("en")} trained`,
          fill: "var(--surface)",
        })),
      ],
    });
    add("scatters", task, described(chart, `${task}: ${label} against trained parameters`));
  }

  for (const { name, points } of read("curve-data")) {
    const chart = Plot.plot({
      width,
      height: 280,
      marginLeft: 52,
      marginTop: 28,
      marginBottom: 44,
      style: { background: "transparent", fontSize: "13px" },
      x: { label: "epoch", inset: 6, ticks: d3.ticks(...d3.extent(points, (p) => p[0]), 8).filter(Number.isInteger), tickFormat: "d" },
      y: { label: name, grid: true },
      marks: [
        Plot.line(points, { x: "0", y: "1", stroke: "var(--accent)", strokeWidth: 2 }),
        points.length > 40 ? null : Plot.dot(points, { x: "0", y: "1", fill: "var(--accent)" }),
        Plot.tip(points, Plot.pointer({ x: "0", y: "1", fill: "var(--surface)" })),
      ],
    });
    add("curves", name, described(chart, `${name} against epoch`));
  }

  for (const { title, labels, counts } of read("matrix-data")) {
    const cells = counts.flatMap((row, i) => {
      const said = d3.sum(row);
      return row.map((n, j) => ({ i, j, n, share: said ? n / said : 0 }));
    });
    const size = Math.min(width, 160 + 30 * labels.length);
    const beside = Math.min(110, size / 3);
    const short = (i) => (labels[i].length > 14 ? `${labels[i].slice(0, 13)}…` : labels[i]);
    const chart = Plot.plot({
      width: size,
      height: size,
      marginLeft: beside,
      marginBottom: beside,
      style: { background: "transparent", fontSize: "12px" },
      padding: 0.04,
      x: { type: "band", domain: d3.range(labels.length), tickFormat: short, tickRotate: -60, label: "answer given", labelOffset: beside - 6 },
      y: { type: "band", domain: d3.range(labels.length), tickFormat: short, label: "right answer", labelOffset: beside - 6 },
      marks: [
        // One colour, from the page's ground to full, so that both themes read the same.
        Plot.cell(cells, { x: "j", y: "i", fill: "var(--raised)" }),
        Plot.cell(cells, { x: "j", y: "i", fill: "var(--accent)", fillOpacity: "share" }),
        labels.length > 14 ? null : Plot.text(cells.filter((c) => c.n), {
          x: "j",
          y: "i",
          text: (c) => (100 * c.share).toFixed(0),
          fill: (c) => (c.share > 0.5 ? "var(--ground)" : "var(--text)"),
        }),
        Plot.tip(cells, Plot.pointer({
          x: "j",
          y: "i",
          title: (c) => `${labels[c.i]} taken for ${labels[c.j]}\n${c.n} times (${(100 * c.share).toFixed(1)} %)`,
          fill: "var(--surface)",
        })),
      ],
    });
    add("matrices", `${title}: per cent of each right answer`, described(chart, `Confusion matrix, ${labels.length} labels`));
  }
})();
