/* Operations on a time axis, one lane a process; the ones that prove the violation stand out. An
 * op that never completed fades out to the right: it may still happen. */
function drawLanes(anomaly, ops) {
  const rows = anomaly.lanes.map((row) => ({ row, ...ops[row] })).filter((op) => op.f !== undefined);
  const proof = new Set(anomaly.ops || []), weakened = new Set(anomaly.weakened || []);
  const order = new Map((anomaly.order || []).map((row, i) => [row, i + 1]));
  const names = new Map((anomaly.steps || []).map((step, i) => [step.from, i + 1]));
  const stuck = new Map((anomaly.stuck || []).map((one) => [one.row, one.text]));
  const box = element("div"), frame = element("div", { class: "lanes" });
  const detail = element("p", { class: "detail mono" }, "Click an operation to see it whole.");
  const search = element("input", { placeholder: "find: process, value, node, error" });
  let zoom = 1, query = "", picked = null;

  const left = Math.min(...rows.map((op) => op.start));
  const ends = rows.map((op) => (isOpen(op) ? op.start : op.end));
  const span = Math.max(Math.max(...ends) - left, 1e-6) * 1.04;
  const lanes = packLanes(rows);

  function isOpen(op) { return op.end === null || op.type === "info"; }
  function label(op) {
    const argument = op.argument === null ? "" : " " + op.argument;
    const result = op.result === null || op.result === op.argument ? "" : " → " + op.result;
    return op.f + argument + (op.type === "ok" ? result : "");
  }
  /* What proves the violation lies on top. */
  function inDrawingOrder(list) { return [...list].sort((a, b) => proof.has(a.row) - proof.has(b.row)); }
  function matches(op) {
    return query !== "" && JSON.stringify(op).toLowerCase().includes(query);
  }

  function draw() {
    const laneHeight = 30, gutter = 92, axis = 26;
    const width = Math.max(1080 * zoom, 600), plot = width - gutter - 12;
    const height = axis + lanes.length * laneHeight + 10;
    const x = (t) => gutter + ((t - left) / span) * plot;
    const svg = svgElement("svg", { width, height, role: "img" });
    drawAxis(svg, x, left, span, height, axis, Math.max(4, Math.round(plot / 140)));
    lanes.forEach((lane, i) => {
      const y = axis + i * laneHeight;
      svg.append(svgElement("line", { x1: 0, x2: width, y1: y + laneHeight, y2: y + laneHeight, stroke: "#eef1f4" }));
      svg.append(svgElement("text", { x: 8, y: y + 19, fill: "#5b6675" }, "process " + lane.process));
      const starts = lane.ops.map((op) => op.start).sort((a, b) => a - b);
      for (const op of inDrawingOrder(lane.ops)) {
        const next = starts.find((start) => start > op.start);
        svg.append(drawBar(op, x, y, laneHeight, gutter + plot, next === undefined ? gutter + plot : x(next)));
      }
    });
    frame.replaceChildren(svg);
  }

  /* free: where the next one of the lane begins. */
  function drawBar(op, x, y, laneHeight, edge, free) {
    const begin = x(op.start), end = isOpen(op) ? edge : Math.max(x(op.end), begin + 4);
    const isProof = proof.has(op.row);
    const group = svgElement("g", { class: "op-bar" + (isProof ? "" : " faint") +
      (matches(op) ? " found" : "") + (picked === op.row ? " picked" : "") });
    const colour = opColour(op.f);
    group.append(svgElement("rect", { x: begin, y: y + 4, width: end - begin, height: laneHeight - 9, rx: 3,
      fill: colour, "fill-opacity": isOpen(op) ? 0.25 : 0.85,
      stroke: stuck.has(op.row) ? "#c02a1d" : colour, "stroke-width": stuck.has(op.row) ? 3 : 1,
      "stroke-dasharray": isOpen(op) ? "4 3" : op.type === "fail" ? "2 2" : "" }));
    const place = order.has(op.row) ? order.get(op.row) + ". " : names.has(op.row) ? "T" + names.get(op.row) + ": " : "";
    const full = place + label(op), characters = (room) => Math.floor((room - 10) / 7.4);
    const isInside = characters(end - begin) >= Math.min(full.length, 20) || end - begin >= free - end;
    const text = shorten(full, characters(isInside ? end - begin : free - end));
    if (text.length > place.length && ((isProof && proof.size <= 30) || text === full))
      group.append(svgElement("text", { x: isInside ? begin + 5 : end + 4, y: y + 19,
        fill: isInside && !isOpen(op) ? "#fff" : "#1c2430" }, text));
    group.append(svgElement("title", {}, describe(op)));
    group.addEventListener("click", () => { picked = op.row; detail.textContent = describe(op); draw(); });
    return group;
  }

  function describe(op) {
    const until = DATA.unit === "event" ? (op.end === null ? "never completed" : "until " + when(op.end)) : op.end === null ? "never completed" : (op.end - op.start) * 1000 < 10
      ? "took " + ((op.end - op.start) * 1e6).toFixed(0) + " µs" : "took " + ((op.end - op.start) * 1000).toFixed(1) + " ms";
    const parts = ["process " + op.process, label(op), op.type, "at " + when(op.start, 6), until];
    if (op.key !== null) parts.push("key " + op.key);
    if (op.node) parts.push("node " + op.node);
    if (op.error) parts.push("error: " + op.error);
    if (weakened.has(op.row)) parts.push("in the proof it may happen at any time after its start, or never");
    if (order.has(op.row)) parts.push("number " + order.get(op.row) + " of the longest possible order");
    if (stuck.has(op.row)) parts.push("cannot come next: " + stuck.get(op.row));
    return parts.join(" · ");
  }

  const button = (text, action) => { const b = element("button", {}, text); b.addEventListener("click", action); return b; };
  search.addEventListener("input", () => { query = search.value.trim().toLowerCase(); draw(); });
  box.append(element("div", { class: "tools" }, search,
    button("zoom in", () => { zoom = Math.min(zoom * 2, 64); draw(); }),
    button("zoom out", () => { zoom = Math.max(zoom / 2, 1); draw(); }),
    element("span", { class: "soft" }, "numbers: the longest order that was possible; red frame: cannot come next; pale: not part of the proof; dashed: outcome unknown")),
    frame, detail);
  draw();
  return box;
}

/* A moment: seconds, or the number of an event where the history has no times. */
function when(t, digits) {
  return DATA.unit === "event" ? "event " + Math.round(t) : t.toFixed(digits) + " s";
}

/* One lane a process; ops of one process never overlap. */
function packLanes(rows) {
  const byProcess = new Map();
  for (const op of rows) {
    if (!byProcess.has(op.process)) byProcess.set(op.process, []);
    byProcess.get(op.process).push(op);
  }
  return [...byProcess.entries()].sort((a, b) => a[0] - b[0]).map(([process, ops]) => ({ process, ops }));
}

function drawAxis(svg, x, left, span, height, axis, count) {
  const isEvents = DATA.unit === "event";
  if (isEvents) count = Math.max(1, Math.min(count, Math.floor(span)));
  for (let i = 0; i <= count; i++) {
    const t = left + (isEvents ? Math.round((span * i) / count) : (span * i) / count);
    svg.append(svgElement("line", { x1: x(t), x2: x(t), y1: axis - 6, y2: height, stroke: "#dfe4ea" }));
    if (i < count) svg.append(svgElement("text", { x: x(t) + 3, y: 14, fill: "#5b6675" }, when(t, span < 0.5 ? 4 : 2)));
  }
}

function opColour(f) {
  return { read: "#2b6cb0", r: "#2b6cb0", write: "#7b3fa0", w: "#7b3fa0", cas: "#0f766e" }[f] || "#566270";
}

function svgElement(name, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes || {})) if (value !== "") node.setAttribute(key, value);
  node.append(...children);
  return node;
}
