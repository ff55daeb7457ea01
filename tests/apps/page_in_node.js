// Runs the script of the page before a document that remembers what it is told, and prints it.
"use strict";
const vm = require("vm"), fs = require("fs");
const [, , page, answers] = process.argv;
const told = JSON.parse(fs.readFileSync(answers, "utf8"));
const script = /<script>([\s\S]*?)<\/script>/.exec(fs.readFileSync(page, "utf8"))[1];
const nodes = new Map();
function node(tag) {
  const made = {
    tag, children: [], dataset: {}, style: {}, attributes: {}, listeners: {}, hidden: false, value: "", textContent: "", className: "",
    classList: { on: new Set(), add(c) { this.on.add(c); }, remove(c) { this.on.delete(c); }, toggle(c, w) { w ? this.on.add(c) : this.on.delete(c); }, contains(c) { return this.on.has(c); } },
    appendChild(c) { this.children.push(c); c.parentElement = this; return c; },
    append(...cs) { for (const c of cs) this.appendChild(c); },
    replaceChildren(...cs) { this.children = cs; },
    setAttribute(k, v) { this.attributes[k] = String(v); },
    addEventListener(k, f) { (this.listeners[k] ||= []).push(f); },
    click() { for (const f of this.listeners.click || []) f({ preventDefault() {} }); },
    querySelector() { return node("span"); },
    querySelectorAll(t) { return this.children.filter((c) => c.tag === t); },
    getBoundingClientRect: () => ({ top: 0 }), scrollIntoView() {},
    contentWindow: { postMessage(m) { made.got = m; } },
  };
  return made;
}
const byId = (id) => { if (!nodes.has(id)) nodes.set(id, node(id)); return nodes.get(id); };
const inputs = Object.fromEntries(["image", "depth", "camera"].map((n) => [n, Object.assign(node("input"), { dataset: { name: n }, parentElement: node("label"), files: [] })]));
const document = {
  getElementById: byId, createElement: node, createElementNS: (_, t) => node(t),
  querySelector: (s) => inputs[/data-name=(\w+)/.exec(s)?.[1]] || byId(s),
  querySelectorAll: (s) => (s.includes("file") ? Object.values(inputs) : []),
};
const asked = [];
const reply = (found, status = 200) => ({ ok: status < 400, status, json: async () => found });
async function fetch(path, options) {
  if (path === "/health") return reply({});
  if (path === "/page/rooms") return reply(told.rooms);
  if (path.startsWith("/page/rooms/")) return reply({ image: "data:image/png;base64,AA", depth: "d", camera: "c" });
  asked.push(JSON.parse(options.body));
  return asked.length > told.answers.length ? reply({ error: { message: "image: is odd" } }, 422) : reply(told.answers[asked.length - 1]);
}
const pause = () => new Promise((go) => setTimeout(go, 20));
(async () => {
  vm.runInNewContext(script, {
    document, fetch, console, innerHeight: 900, setTimeout, URLSearchParams, addEventListener() {}, location: { search: "" },
    sessionStorage: { getItem: () => null, setItem() {} }, MutationObserver: class { observe() {} },
  });
  await pause();
  byId("rooms").children[0].click();
  await pause();
  const out = { rooms: byId("rooms").children.length, hints: byId("hints").children.map((b) => b.textContent), shown: [] };
  const drawn = () => byId("boxes").children.filter((g) => g.dataset.index !== undefined);
  const seen = () => {
    const row = byId("steps").children[0] || byId("objects").children[0];
    const button = row && row.children[0];
    if (button) for (const f of button.listeners.focus) f();
    out.shown.push({
      answer: byId("answer").textContent, state: byId("state").textContent, bad: byId("state").className, check: byId("check").textContent,
      boxes: drawn().map((g) => g.children[3].textContent), lit: byId("space").got && byId("space").got.lit,
      steps: byId("steps").children.length, objects: byId("objects").children.length, paths: drawn().map((g) => g.children[1].attributes.d), lengths: byId("boxes").children.filter((g) => g.attributes.class === "length lit").map((g) => g.children.at(-1).textContent),
    });
  };
  byId("hints").children[0].click();
  await pause();
  seen();
  byId("all").click();
  await pause();
  seen();
  out.past = byId("before").children.length;
  byId("all").click();
  await pause();
  seen();
  out.asked = asked;
  console.log(JSON.stringify(out));
})();
