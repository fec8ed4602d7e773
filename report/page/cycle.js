/* Transactions that contradict each other, as a ring: an arrow from each to the one that it must
 * come before, with the reason beside it. T1, T2, ... are the names that the words above use. */
const edgeColours = { ww: "#7b3fa0", wr: "#2b6cb0", rw: "#c02a1d", process: "#5b6675", realtime: "#a86400" };

function drawCycle(steps) {
  const count = steps.length, across = Math.min(180 + 40 * count, 520), node = 19;
  const width = 1080, height = Math.max(across + 2 * node + 30, 34 + 26 * count);
  const centre = [across / 2 + node + 12, across / 2 + node + 15];
  const at = (i, radius) => {
    const angle = (2 * Math.PI * i) / count - Math.PI / 2;
    return [centre[0] + radius * Math.cos(angle), centre[1] + radius * Math.sin(angle)];
  };
  const svg = svgElement("svg", { viewBox: "0 0 " + width + " " + height, width: "100%", role: "img" });
  const tip = svgElement("defs", {});
  for (const [edge, colour] of Object.entries(edgeColours))
    tip.append(svgElement("marker", { id: "tip-" + edge, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 8, markerHeight: 8,
      orient: "auto" }, svgElement("path", { d: "M0,0 L8,4 L0,8 z", fill: colour })));
  svg.append(tip);
  steps.forEach((step, i) => {
    const [x1, y1] = at(i, across / 2), [x2, y2] = at((i + 1) % count, across / 2);
    const length = Math.hypot(x2 - x1, y2 - y1), dx = (x2 - x1) / length, dy = (y2 - y1) / length;
    /* Bent outwards, so that there and back between two are two arrows. */
    const bend = count === 2 ? 46 : 12, mx = (x1 + x2) / 2 + dy * bend, my = (y1 + y2) / 2 - dx * bend;
    const kind = edgeKind(step.edge);
    svg.append(svgElement("path", { d: "M" + (x1 + dx * node) + "," + (y1 + dy * node) + " Q" + mx + "," + my + " " +
      (x2 - dx * (node + 3)) + "," + (y2 - dy * (node + 3)), fill: "none", stroke: edgeColours[kind], "stroke-width": 2,
      "marker-end": "url(#tip-" + kind + ")" }));
    svg.append(svgElement("text", { x: (x1 + x2) / 4 + mx / 2 + dy * 16, y: (y1 + y2) / 4 + my / 2 - dx * 16 + 4, "text-anchor": "middle",
      fill: edgeColours[kind], "font-size": 13, "font-weight": 600 }, step.edge));
    svg.append(svgElement("text", { x: across + 100, y: 34 + i * 26, "font-size": 14, fill: edgeColours[kind] },
      "T" + (i + 1) + " → T" + (((i + 1) % count) + 1) + " (" + step.edge + "): " + shorten(step.text || "", 84)));
  });
  steps.forEach((step, i) => {
    const [x, y] = at(i, across / 2);
    svg.append(svgElement("circle", { cx: x, cy: y, r: node, fill: "#fff", stroke: "#1c2430", "stroke-width": 2 },
      svgElement("title", {}, "operation " + step.from)));
    svg.append(svgElement("text", { x, y: y + 5, "text-anchor": "middle", "font-size": 14, "font-weight": 600 }, "T" + (i + 1)));
  });
  return svg;
}

/* "rw-predicate" is drawn as rw. */
function edgeKind(edge) {
  return Object.keys(edgeColours).find((kind) => (edge || "").startsWith(kind)) || "process";
}

function shorten(text, length) {
  return text.length > length ? text.slice(0, Math.max(length - 1, 0)) + "…" : text;
}
