/* Plots over the run's time, with the fault windows shaded on each node's true times. */
const TYPE_COLOURS = ["#3b8f5a", "#d0872a", "#c02a1d"];

/* The row for each label, so that none stands on another; rowCount rows, then they are left out. */
function labelRows(spans, rowCount) {
  const ends = new Array(rowCount).fill(-Infinity);
  return spans.map(({ from, to }) => {
    const row = ends.findIndex((end) => end < from);
    if (row >= 0) ends[row] = to;
    return row;
  });
}

const LABEL_ROWS = 4;

function shadeFaults(windows, end) {
  return (u) => {
    const { ctx, bbox } = u;
    const line = 12 * devicePixelRatio;
    ctx.save();
    ctx.font = 11 * devicePixelRatio + "px sans-serif";
    const shown = windows.map((w) => {
      const from = u.valToPos(w.from, "x", true), to = u.valToPos(w.to === null ? end : w.to, "x", true);
      return { w, from: Math.max(from, bbox.left), to: Math.min(to, bbox.left + bbox.width) };
    }).filter((s) => s.to > s.from).sort((a, b) => a.from - b.from);
    shown.forEach(({ w, from, to }) => {
      ctx.fillStyle = w.fault === "partition" ? "rgba(214,118,30,0.15)" : "rgba(192,42,29,0.13)";
      ctx.fillRect(from, bbox.top, to - from, bbox.height);
    });
    const rows = labelRows(shown.map(({ w, from }) => ({ from, to: from + 6 + ctx.measureText(w.fault).width })), LABEL_ROWS);
    ctx.fillStyle = "#8a5a1a";
    shown.forEach(({ w, from }, i) => {
      if (rows[i] >= 0) ctx.fillText(w.fault, from + 3, bbox.top + line * (rows[i] + 1));
    });
    ctx.restore();
  };
}

/* From nought, unless there is something below it. */
function yRange(u, min, max) {
  const room = 0.05 * (Math.max(max, 0) - Math.min(min, 0)) || 1;
  return [min < 0 ? min - room : 0, max > 0 ? max + room : 0.2 * room];
}

function plotOptions(title, unit, windows, end, series, isLog) {
  return {
    title, width: 1120, height: 260, series: [{ label: "time (s)" }, ...series],
    scales: { x: { time: false, range: (u, min, max) => [min, max] }, y: isLog ? { distr: 3 } : { range: yRange } },
    axes: [{ label: "s", labelSize: 18, size: 34 }, { label: unit, size: 62 }],
    hooks: { drawClear: [shadeFaults(windows, end)] },
  };
}

/* Latency of single operations on a log scale, coloured by how they ended. */
function latencyPlot(host, scatter, windows, end) {
  const points = [...scatter.points].sort((a, b) => a[0] - b[0]);
  if (points.length === 0) return;
  const column = (type) => points.map((p) => (p[3] === type ? Math.max(p[1], 0.001) : null));
  const names = ["ok", "fail", "info (unknown)"];
  const series = names.map((label, i) => ({ label, paths: () => null, stroke: TYPE_COLOURS[i],
    points: { show: true, size: 4, fill: TYPE_COLOURS[i], stroke: TYPE_COLOURS[i] } }));
  const title = "Latency of operations" + (scatter.thinned ? " (a sample)" : "");
  new uPlot(plotOptions(title, "ms", windows, end, series, true),
    [points.map((p) => p[0]), column(0), column(1), column(2)], host);
}

/* A line is broken where a point is missing: where the next one is later than two of the usual steps.
 * In between nobody was served, and a line would say that somebody was. */
function withGaps(points) {
  const steps = points.slice(1).map((p, i) => p[0] - points[i][0]).sort((a, b) => a - b);
  const usual = steps[Math.floor(steps.length / 2)] || 0;
  const xs = [], ys = [];
  points.forEach(([x, y], i) => {
    if (i > 0 && x - points[i - 1][0] > 2 * usual) { xs.push(points[i - 1][0] + usual); ys.push(null); }
    xs.push(x);
    ys.push(y);
  });
  return [xs, ys];
}

/* Points are drawn where some have no neighbour to be joined with. Undefined is a time of another
 * series. */
function isAlone(all) {
  const ys = all.filter((y) => y !== undefined);
  return ys.some((y, i) => y != null && ys[i - 1] == null && ys[i + 1] == null);
}

/* A plot that a checker made: series may have different times. */
function checkerPlot(host, plot, windows, end) {
  const colours = ["#2b6cb0", "#7b3fa0", "#0f766e", "#c02a1d", "#d0872a", "#566270", "#3b8f5a", "#111"];
  const series = (plot.series || []).filter((s) => s.points.length > 0);
  const tables = series.map((s) => withGaps(s.points));
  if (tables.length === 0) return;
  const lines = series.map((s, i) => ({ label: s.name, stroke: s.is_bad ? "#c02a1d" : colours[i % colours.length], width: 1.5,
    points: { show: (u, index) => isAlone(u.data[index]) }, spanGaps: false }));
  new uPlot(plotOptions(plot.title, plot.unit || "", windows, end, lines, false), uPlot.join(tables), host);
}

/* The least of 1, 2, 5, 10, 20... (or 0.1, 0.2...) that is not below it. */
function roundStep(least) {
  const power = Math.pow(10, Math.floor(Math.log10(least)));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= least * 0.999999);
}

/* Per node, when each fault really began and ended there; faint where it failed and nothing shows that it began. */
function faultTimeline(windows, nodes, end) {
  const height = 20, gutter = 70, width = 1120;
  const svg = svgElement("svg", { viewBox: `0 0 ${width} ${nodes.length * height + 26}`, style: `width: 100%; max-width: ${width}px` });
  const x = (t) => gutter + (t / end) * (width - gutter - 10);
  nodes.forEach((name, i) => {
    const y = 22 + i * height;
    svg.append(svgElement("text", { x: 4, y: y + 13, fill: "#5b6675", "font-size": 12 }, name));
    svg.append(svgElement("line", { x1: gutter, x2: width, y1: y + height, y2: y + height, stroke: "#eef1f4" }));
    for (const w of windows) {
      const node = w.nodes[name];
      if (!node) continue;
      const from = node.from ?? w.from, to = node.to ?? w.to ?? end;
      const bar = svgElement("rect", { x: x(from), y: y + 3, width: Math.max(x(to) - x(from), 2), height: height - 6, rx: 3,
        fill: w.fault === "partition" ? "#d6761e" : "#c02a1d", "fill-opacity": w.failed && node.from === undefined ? 0.15 : 0.75 });
      bar.append(svgElement("title", {}, `${w.fault} on ${name}: ${from.toFixed(4)} s to ${to.toFixed(4)} s · ${observedText(node.observed)}`));
      svg.append(bar);
    }
  });
  const step = roundStep(end / 10);
  for (let i = 0; i * step <= end; i++) {
    const at = x(i * step), isAtEdge = at > width - 30;
    svg.append(svgElement("text", { x: isAtEdge ? width : at, y: 13, fill: "#5b6675", "font-size": 11,
      "text-anchor": isAtEdge ? "end" : "middle" }, +(i * step).toPrecision(6) + " s"));
  }
  return svg;
}

function observedText(observed) {
  if (observed === undefined || observed === null) return "";
  if (observed === true) return "yes";
  if (observed === false) return "NO";
  return typeof observed === "string" ? observed : JSON.stringify(observed);
}
