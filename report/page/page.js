/* The page: verdict first, then why, then what was done to the system, then how it fared. */
function element(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

const validity = (verdict) => (verdict.valid === true ? "valid" : verdict.valid === false ? "invalid" : "unknown");
const run = DATA.run || {};
const page = document.getElementById("page");
const lastOp = Math.max(0, ...DATA.scatter.points.map((p) => p[0]), ...DATA.windows.map((w) => w.to || w.from));
const end = Math.max(run.duration_s || 0, lastOp, 0.001);

function banner() {
  const kind = validity(DATA.verdict);
  const meaning = { valid: "No violation was found in what was run.", invalid: "The system broke its promise.",
    unknown: "The run does not allow a verdict." }[kind];
  const facts = [run.system, run.started, run.duration_s && run.duration_s.toFixed(0) + " s",
    run.seed !== undefined && "seed " + run.seed].filter(Boolean).join(" · ");
  document.title = (run.name || "run") + ": " + kind + " – Rift report";
  return element("section", { class: "banner " + kind }, element("div", { class: "word" }, kind.toUpperCase()),
    element("div", {}, element("h1", {}, run.name || "A history"), element("p", {}, kind === "invalid" ? Object.entries(DATA.verdict.checkers || {}).filter(([, v]) => v.valid === false)
        .map(([name, v]) => name + ": " + summary(v)).join("; ") || meaning : DATA.verdict.reason || meaning),
      element("p", {}, facts)));
}

function checkers() {
  const rows = Object.entries(DATA.verdict.checkers || {}).map(([name, verdict]) => {
    const kind = validity(verdict);
    return element("tr", {}, element("td", {}, element("b", { class: kind }, kind)), element("td", {}, name),
      element("td", {}, summary(verdict)), element("td", { class: "soft" }, verdict.algorithm || ""),
      element("td", { class: "soft" }, statsText(verdict.stats || {})));
  });
  return section("Checkers", table(["verdict", "checker", "reason", "decided by", "measured"], rows));
}

/* What the clients could not tell the outcome of, as the checker stats lists it. */
function unhandled() {
  const rows = Object.values(DATA.verdict.checkers || {}).flatMap((verdict) => (verdict.stats || {}).unhandled || [])
    .map((one) => element("tr", {}, element("td", {}, one.error), element("td", { class: "number" }, String(one.count)),
      element("td", { class: "mono" }, one.text)));
  return rows.length === 0 ? "" : section("Errors that leave the outcome open", table(["error", "#times", "for example"], rows));
}

/* The violations are told in full below. */
function summary(verdict) {
  const count = (verdict.anomalies || []).length;
  return count === 0 ? verdict.reason || "" : count + (count === 1 ? " violation" : " violations");
}

/* Numbers and words; what has parts of its own stands in verdicts.json. */
function statsText(stats) {
  const shown = Object.entries(stats).filter(([, value]) => typeof value !== "object")
    .map(([name, value]) => name.replaceAll("_", " ") + " " + (typeof value === "number" ? +value.toPrecision(4) : value));
  return shown.join(", ");
}

function anomalySection(anomaly, index) {
  const title = (anomaly.is_order ? "A possible order" : "Violation " + (index + 1) + ": " + anomaly.name) +
    (anomaly.key === undefined || anomaly.key === null ? "" : ", key " + JSON.stringify(anomaly.key));
  const box = index < 3 ? section(title) : element("details", {}, element("summary", {}, title));
  if (anomaly.meaning) box.append(element("p", { class: "soft" }, anomaly.name + ": " + anomaly.meaning + "."));
  box.append(element("p", { class: "words" }, anomaly.text || ""));
  if ((anomaly.steps || []).length > 0) box.append(drawCycle(anomaly.steps));
  for (const one of anomaly.stuck || []) box.append(element("div", { class: "soft" }, "• " + one.text));
  if (anomaly.lanes.length > 0) box.append(drawLanes(anomaly, DATA.ops));
  const rows = (anomaly.ops || []).slice(0, 400).map((row) => opRow(row, DATA.ops[row])).filter(Boolean);
  if (rows.length > 0) box.append(element("h3", {}, anomaly.is_order ? "In that order" : "The operations that prove it"),
    table(["start (" + DATA.unit + ")", "end (" + DATA.unit + ")", "process", "node", "operation", "result", "outcome"], rows));
  return index < 3 ? box : element("section", {}, box);
}

const number = (t) => (DATA.unit === "event" ? String(Math.round(t)) : t.toFixed(6));

function opRow(row, op) {
  if (!op) return null;
  const cells = [number(op.start), op.end === null ? "never" : number(op.end), op.process, op.node || "",
    op.f + (op.argument === null ? "" : " " + op.argument), op.result === null ? "" : op.result, op.type + (op.error ? ": " + op.error : "")];
  return element("tr", {}, ...cells.map((cell) => element("td", { class: "mono" }, String(cell))));
}

function faults() {
  if (DATA.run === undefined && DATA.windows.length === 0) return "";
  if (DATA.windows.length === 0) return section("Faults", element("p", { class: "soft" }, "No fault was injected."));
  const nodes = run.nodes || [...new Set(DATA.windows.flatMap((w) => Object.keys(w.nodes)))].sort();
  const rows = DATA.windows.map((w) => element("tr", {}, element("td", { class: "number" }, w.from.toFixed(2)),
    element("td", { class: "number" }, w.to === null ? "end" : w.to.toFixed(2)),
    element("td", { class: "number" }, w.spread_ms === undefined ? "" : `${w.spread_ms.toFixed(1)} ± ${w.clock_error_ms.toFixed(1)}`),
    element("td", {}, w.fault), element("td", {}, w.what),
    element("td", {}, (w.error ? "FAILED: " + w.error + "; " : "") + windowObserved(w))));
  return section("Faults", faultTimeline(DATA.windows, nodes, end),
    table(["#from (s)", "#to (s)", "#nodes apart (ms)", "fault", "whom", "observed"], rows));
}

function windowObserved(w) {
  const parts = Object.entries(w.nodes).map(([name, node]) => [name, observedText(node.observed)]).filter(([, text]) => text !== "");
  const whole = observedText(w.observed);
  if (parts.length === 0) return whole;
  const isOne = parts.every(([, text]) => text === parts[0][1]);
  return (whole && whole !== "yes" ? whole + "; " : "") +
    (isOne ? parts[0][1] : parts.map(([name, text]) => name + ": " + text).join("; "));
}

function performance() {
  const box = section("How the clients fared");
  const rows = Object.entries(DATA.counts).map(([f, c]) => element("tr", {}, element("td", {}, f),
    ...["ok", "fail", "info"].map((t) => element("td", { class: "number" }, String(c[t])))));
  box.append(table(["operation", "#ok", "#fail", "#info (unknown)"], rows));
  const plot = () => { const host = element("div", { class: "plot" }); box.append(host); return host; };
  page.append(box);
  latencyPlot(plot(), DATA.scatter, DATA.windows, end);
  for (const verdict of Object.values(DATA.verdict.checkers || {}))
    for (const one of verdict.plots || []) checkerPlot(plot(), one, DATA.windows, end);
}

function logs() {
  if (!DATA.logs || DATA.logs.length === 0) return "";
  const rows = DATA.logs.map((log) => element("tr", {}, element("td", {}, log.node),
    element("td", {}, element("a", { href: log.path }, log.name)), element("td", { class: "number" }, String(log.size))));
  return section("Logs of the nodes", table(["node", "file", "#bytes"], rows));
}

function repeat() {
  if (!run.command && !DATA.plan) return "";
  const box = section("Repeat this run");
  if (run.command) box.append(element("p", {}, "One seed repeats the schedule of client operations and faults:"), element("pre", {}, run.command));
  if (DATA.plan) box.append(element("details", {}, element("summary", {}, "plan.yaml"), element("pre", {}, DATA.plan)));
  return box;
}

function section(title, ...children) {
  return element("section", {}, element("h2", {}, title), ...children);
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((h) => (h.startsWith("#") ? element("th", { class: "number" }, h.slice(1)) : element("th", {}, h))));
  return element("table", {}, element("thead", {}, head), element("tbody", {}, ...rows));
}

page.append(banner());
DATA.anomalies.forEach((anomaly, i) => page.append(anomalySection(anomaly, i)));
if (DATA.verdict.checkers) page.append(checkers(), unhandled());
page.append(faults());
if (DATA.unit === "s") performance();
page.append(logs(), repeat());
if (DATA.truncated) page.prepend(element("section", {}, "The history's tail was torn; it was judged as far as it reached."));
