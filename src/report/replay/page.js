"use strict";
// The replay: a state that the run's changes move forward, kept at marks so that any instant is near one.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const make = (tag, className, text) => {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
};
const count = (n) => n.toLocaleString("en-US");
const clock = (moment) => {
  const millis = Math.round(moment * 1000);
  const whole = Math.floor(millis / 1000), h = Math.floor(whole / 3600), m = Math.floor(whole / 60) % 60, s = whole % 60;
  const two = (n) => String(n).padStart(2, "0");
  return (h ? h + ":" + two(m) : m) + ":" + two(s) + "." + String(millis % 1000).padStart(3, "0");
};
const PHASES = data.phases, LOSSES = data.losses;
const POD = { NONE: 0, PENDING: 1, BOUND: 2, STARTED: 3, READY: 4, UNREADY: 5, DELETING: 6, SIGTERM: 7, SILENT: 8, GONE: 9 };
const PODWORD = ["", "pending", "bound", "starting", "ready", "not ready", "terminating", "got SIGTERM", "exited", "gone"];

const proxyPlace = data.apps.map((a) => new Map(a.proxies.map((node, place) => [node, place])));
// Each change of an app's slices in order: what a proxy follows is how many of them it has heard.
const sliceLog = data.apps.map(() => []);
for (const [, code, pod, is] of data.changes) if (code === "end") sliceLog[data.pods[pod].app].push([pod, is]);

// ---- state ---------------------------------------------------------------------------------------------------------
const first = () => ({
  at: 0, next: 0,
  power: data.nodes.map((n) => (n.first ? 3 : 0)),
  ready: data.nodes.map((n) => (n.first ? 1 : 0)),
  cordoned: data.nodes.map(() => 0),
  joined: data.nodes.map((n) => (n.first ? 1 : 0)),
  version: data.nodes.map((n) => n.version),
  phase: data.nodes.map(() => -1),
  plan: {},
  pods: data.pods.map((p) => (p.first ? POD.READY : POD.NONE)),
  ends: data.pods.map((p) => (p.first ? 1 : 0)),
  onNode: data.nodes.map((n) => n.pods || 0),
  appReady: data.apps.map((a) => a.ready),
  // How many changes the slices of each app have seen, and which of them each proxy follows.
  slices: data.apps.map(() => 0),
  rules: data.apps.map((a) => new Uint32Array(a.proxies.length)),
  member: Array.from({ length: data.masters }, () => ({ up: 1, term: 0, leads: 0, entry: 0 })),
  server: Array.from({ length: data.masters }, () => ({ is: 1, used: 1 })),
  quorum: null, api: null, faults: new Set(),
  lost: data.groups.map(() => 0), lastLoss: data.groups.map(() => -9),
  exposed: new Map(), clients: {}, cut: new Map(),
});
const copy = (s) => ({
  ...s,
  power: s.power.slice(), ready: s.ready.slice(), cordoned: s.cordoned.slice(), joined: s.joined.slice(),
  version: s.version.slice(), phase: s.phase.slice(), plan: { ...s.plan }, pods: s.pods.slice(), ends: s.ends.slice(),
  onNode: s.onNode.slice(), appReady: s.appReady.slice(), slices: s.slices.slice(), rules: s.rules.map((r) => r.slice()),
  clients: { ...s.clients }, cut: new Map(s.cut), member: s.member.map((m) => ({ ...m })), server: s.server.map((m) => ({ ...m })),
  faults: new Set(s.faults), lost: s.lost.slice(), lastLoss: s.lastLoss.slice(), exposed: new Map(s.exposed),
});
const podIs = (s, pod, is) => {
  const was = s.pods[pod];
  if (was === POD.GONE || (was >= POD.DELETING && is < was)) return;
  s.pods[pod] = is;
};
const apply = (s, [t, code, a, b, c, d]) => {
  s.at = t;
  switch (code) {
    case "power": s.power[a] = b; if (b === 0) { s.ready[a] = 0; } break;
    case "joined": s.joined[a] = 1; s.version[a] = b; break;
    case "ready": s.ready[a] = b; break;
    case "cordon": s.cordoned[a] = b; break;
    case "deleted": s.joined[a] = 0; break;
    case "pod": podIs(s, a, b); break;
    case "end":
      s.ends[a] = b;
      s.slices[data.pods[a].app] += 1;
      break;
    case "rules": s.rules[b][proxyPlace[b].get(a)] = s.slices[b] - c; break;
    case "cut": s.cut.set(a, c ? (s.cut.get(a) | 0) | b : (s.cut.get(a) | 0) & ~b); break;
    case "clients": s.clients[a] = [b, c]; break;
    case "logs": a.forEach(([term, entry], m) => { if (s.member[m]) Object.assign(s.member[m], { term, entry }); }); break;
    case "member": s.member[a].up = b; if (!b) s.member[a].leads = 0; break;
    case "leads": s.member.forEach((m, i) => { m.leads = b && i === a ? 1 : b ? 0 : i === a ? 0 : m.leads; }); s.member[a].term = c; break;
    case "server": s.server[a].is = b; break;
    case "used": s.server[a].used = b; break;
    case "phase": if (a >= 0) s.phase[a] = b; else if (b >= 0) s.plan[c] = b; else delete s.plan[c]; break;
    case "lost": s.lost[a] += d; s.lastLoss[a] = t; break;
    case "exposed": if (d) s.exposed.set(a + "/" + b + "/" + c, [a, b, c]); else s.exposed.delete(a + "/" + b + "/" + c); break;
    case "quorum": s.quorum = [a, b]; break;
    case "api": s.api = [a, b]; break;
    case "fault": if (b) s.faults.add(a); else s.faults.delete(a); break;
    case "count": s.onNode[a] = b; break;
    case "readyof": s.appReady[a] = b; break;
  }
};
const EVERY = 1500;
const marks = [first()];
const forward = (s, to) => {
  while (s.next < data.changes.length && data.changes[s.next][0] <= to) {
    apply(s, data.changes[s.next]);
    s.next += 1;
  }
  s.at = to;
  return s;
};
{
  const s = first();
  while (s.next < data.changes.length) {
    apply(s, data.changes[s.next]);
    s.next += 1;
    if (s.next % EVERY === 0) marks.push(copy(s));
  }
}
const stateAt = (to) => {
  let low = 0, high = marks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (marks[middle].at <= to) low = middle; else high = middle - 1;
  }
  return forward(copy(marks[low]), to);
};

// ---- the page's fixed parts ----------------------------------------------------------------------------------------
const head = data.head;
$("verdict").textContent = head.verdict.toUpperCase();
$("verdict").classList.add(head.verdict);
$("title").textContent = head.title;
$("about").textContent = head.about;
$("command").textContent = head.command;
$("identity").textContent = head.identity;

const chainList = (lines) => {
  const list = make("ul", "cause");
  for (const [at, text, event] of lines) {
    const item = make("li");
    const button = make("button");
    button.type = "button";
    button.append(make("time", "", clock(at)), text);
    button.addEventListener("click", () => { if (event >= 0) select(event); else seek(at); });
    item.append(button);
    list.append(item);
  }
  return list;
};
if (!data.reasons.length) $("reasons").append(make("p", "soft", "No law broke, and the objective was met."));
for (const reason of data.reasons) {
  const block = make("div", "reason");
  const line = make("p");
  line.append(make("b", "", reason.law), " at " + clock(reason.at) + ": " + reason.message);
  block.append(line);
  if (reason.chain.length) block.append(chainList(reason.chain));
  $("reasons").append(block);
}
for (const table of data.tables) {
  const element = make("table");
  element.append(make("caption", "", table.title));
  table.rows.forEach((row, place) => {
    const line = make("tr");
    row.forEach((cell, column) => line.append(make(place || !table.head ? "td" : "th", column ? "number" : "", cell)));
    element.append(line);
  });
  $("tables").append(element);
}
const legend = (className, letter, words) => {
  const item = make("span");
  item.append(make("span", "pod " + className, letter), words);
  $("legend").append(item);
};
legend("ready", "a", "ready"); legend("coming", "a", "coming"); legend("leaving", "a", "on its way out"); legend("dead", "a", "exited");
if (data.detail) legend("ready stale", "1", "other for this proxy than the slices say");

// ---- the cluster ---------------------------------------------------------------------------------------------------
const places = new Map();
const pools = [...new Set(data.nodes.filter((n) => n.master < 0).map((n) => n.pool))];
const crowded = data.nodes.length > 60;
const letters = data.apps.map((a, i) => (data.apps.length <= 26 ? a.name[0] || "?" : String(i)));
const podsOf = data.nodes.map(() => []);
data.pods.forEach((pod, id) => { if (pod.node >= 0) podsOf[pod.node].push(id); });
const set = (element, key, value) => { if (element[key] !== value) element[key] = value; };
const nodeClass = (s, n) => {
  if (s.power[n] === 0) return "off";
  if (s.power[n] === 1) return "leaving";
  if (!s.joined[n] || s.ready[n] !== 1) return "coming";
  return s.cordoned[n] ? "leaving" : "ready";
};
const nodeWord = (s, n) => {
  if (s.power[n] === 0) return "off";
  if (s.power[n] === 1) return "shuts down";
  if (s.power[n] === 2) return "boots";
  if (!s.joined[n]) return "not joined";
  if (s.ready[n] === 2) return "not heard of";
  if (s.ready[n] !== 1) return "not ready";
  return s.cordoned[n] ? "cordoned" : "ready";
};
const shownNode = (s, n) => s.power[n] > 0 || (s.joined[n] && data.nodes[n].first);
const chips = (element, wanted) => {
  const key = JSON.stringify(wanted);
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...wanted.map(([text, className]) => make("span", "chip " + (className || ""), text)));
};
// In the order of their names, numbers by value: a replacement stands beside what it replaces.
const ranks = data.nodes.map((_, n) => n).sort((a, b) => data.nodes[a].name.localeCompare(data.nodes[b].name, "en", { numeric: true }));
const rank = [];
ranks.forEach((n, place) => { rank[n] = place; });
const putInOrder = (parent, element, n) => {
  element.rank = rank[n];
  let after = parent.lastElementChild;
  while (after && after.rank > element.rank) after = after.previousElementSibling;
  if (after) after.after(element); else parent.prepend(element);
};
const card = (parent, key, n) => {
  let element = places.get(key);
  if (!element) {
    element = make("div", "card");
    element.name = make("div", "name"); element.label = make("b"); element.version = make("span");
    element.name.append(element.label, element.version);
    element.chips = make("div", "chips"); element.pods = make("div", "pods");
    element.append(element.name, element.chips, element.pods);
    places.set(key, element);
    putInOrder(parent, element, n);
  }
  return element;
};
const drawPods = (element, s, n) => {
  const shown = podsOf[n].filter((p) => s.pods[p] > POD.PENDING && s.pods[p] < POD.GONE);
  const key = shown.map((p) => p + ":" + s.pods[p]).join();
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  element.replaceChildren(...shown.map((p) => {
    const is = s.pods[p];
    const className = is === POD.READY ? "ready" : is === POD.SILENT ? "dead" : is >= POD.DELETING ? "leaving" : "coming";
    const pod = make("span", "pod " + className, letters[data.pods[p].app]);
    pod.title = data.pods[p].name + ": " + PODWORD[is];
    pod.setAttribute("aria-label", pod.title);
    pod.setAttribute("role", "img");
    return pod;
  }));
};
const CUT = ["", "kubelet without the API", "kube-proxy without the API", "kubelet and kube-proxy without the API"];
const cutChips = (s, n) => (s.power[n] === 3 && s.cut.get(n) ? [[CUT[s.cut.get(n)], "bad"]] : []);
const drawMasters = (s) => {
  const parent = $("masters");
  if (!parent.firstChild) {
    parent.append(make("h3", "", "Masters"), make("div", "cards"));
    parent.status = make("p", "soft");
    parent.append(parent.status);
  }
  for (let m = 0; m < data.masters; m += 1) {
    const all = data.nodes.map((_, n) => n).filter((n) => data.nodes[n].master === m);
    const n = all.filter((node) => s.power[node] > 0).pop() ?? all[0];
    if (n === undefined) continue;
    const element = card(parent.children[1], "m" + m, n);
    set(element, "className", "card " + nodeClass(s, n));
    set(element.label, "textContent", data.nodes[n].name);
    set(element.version, "textContent", s.version[n]);
    const member = s.member[m], server = s.server[m], wanted = [[nodeWord(s, n)]];
    if (s.phase[n] >= 0) wanted.push([PHASES[s.phase[n]], "phase"]);
    wanted.push(...cutChips(s, n));
    const where = " · term " + member.term + " · entry " + count(member.entry);
    if (data.etcd) wanted.push(member.leads ? ["etcd leads" + where, "lead"] : member.up ? ["etcd follows" + where, "on"] : ["etcd down", "bad"]);
    wanted.push(server.is === 1 ? [server.used ? "API" : "API, not in rotation", "on"] : server.is === 2 ? ["API stops", "phase"] : ["API down", "bad"]);
    chips(element.chips, wanted);
    drawPods(element.pods, s, n);
  }
  const words = [];
  if (data.etcd) {
    const up = s.quorum ? s.quorum[0] : data.masters, voters = s.quorum ? s.quorum[1] : data.masters;
    const spare = up - (Math.floor(voters / 2) + 1);
    words.push("etcd: " + up + " of " + voters + " voters up, " + (spare < 0 ? "NO QUORUM" : spare + " to spare"));
  } else words.push("etcd is not observable (managed control plane)");
  if (s.api) words.push("API: " + s.api[0] + " of " + s.api[1] + " servers in rotation answer");
  for (const [kind, [served, all]] of Object.entries(s.clients)) if (served < all) words.push(count(all - served) + " of " + count(all) + " " + kind + " cut off from the API");
  for (const f of s.faults) words.push("fault: " + data.faults[f]);
  set(parent.status, "textContent", words.join(" · "));
};
const drawPools = (s) => {
  const parent = $("pools");
  pools.forEach((pool, place) => {
    let block = places.get("pool" + place);
    if (!block) {
      block = make("div");
      block.title3 = make("h3");
      block.cards = make("div", crowded ? "cells" : "cards");
      block.append(block.title3, block.cards);
      places.set("pool" + place, block);
      parent.append(block);
    }
    const nodes = data.poolNodes[place];
    let running = 0, fit = 0;
    for (const n of nodes) {
      const key = "n" + n;
      if (!shownNode(s, n)) {
        const old = places.get(key);
        if (old) { old.remove(); places.delete(key); }
        continue;
      }
      running += 1;
      const is = nodeClass(s, n);
      fit += is === "ready" ? 1 : 0;
      if (crowded) {
        let cell = places.get(key);
        if (!cell) { cell = make("span", "cell"); places.set(key, cell); putInOrder(block.cards, cell, n); }
        set(cell, "className", "cell " + is + (data.nodes[n].first && s.version[n] === data.nodes[n].version ? "" : " new"));
        const pods = data.detail ? podsOf[n].filter((p) => s.pods[p] === POD.READY).length : s.onNode[n];
        set(cell, "title", data.nodes[n].name + " " + s.version[n] + ": " + nodeWord(s, n) + ", " + pods + " pods ready");
        continue;
      }
      const element = card(block.cards, key, n);
      set(element, "className", "card " + is);
      set(element.label, "textContent", data.nodes[n].name);
      set(element.version, "textContent", s.version[n]);
      const wanted = [[nodeWord(s, n)]];
      if (s.phase[n] >= 0) wanted.push([PHASES[s.phase[n]], "phase"]);
      wanted.push(...cutChips(s, n));
      chips(element.chips, wanted);
      drawPods(element.pods, s, n);
    }
    set(block.title3, "textContent", pool + ": " + fit + " of " + running + " nodes ready" + (crowded ? " (a ring marks the new version)" : ""));
  });
};
data.poolNodes = pools.map((pool) => data.nodes.map((_, n) => n).filter((n) => data.nodes[n].master < 0 && data.nodes[n].pool === pool));
const podsOfApp = data.apps.map(() => []);
data.pods.forEach((pod, id) => podsOfApp[pod.app].push(id));
// Those that users ask first; a dozen at most.
const shownApps = data.apps.map((_, a) => a).sort((a, b) => Math.sign(data.apps[b].proxies.length) - Math.sign(data.apps[a].proxies.length)).slice(0, 12);
const row = (parent, key) => {
  let element = places.get(key);
  if (!element) {
    element = make("div", "row");
    element.label = make("span"); element.flow = make("div", "flow"); element.word = make("span", "soft");
    element.append(element.label, element.flow, element.word);
    places.set(key, element);
    parent.append(element);
  }
  return element;
};
const drawTraffic = (s) => {
  const parent = $("traffic");
  if (!parent.firstChild) parent.append(make("h3", "", "Users"));
  data.groups.forEach((group, g) => {
    const element = row(parent, "g" + g);
    set(element.label, "textContent", group);
    const dangers = [...s.exposed.values()].filter((e) => e[0] === g);
    const losing = s.at - s.lastLoss[g] <= Math.max(1, speed / 10) && s.at >= s.lastLoss[g];
    set(element.flow, "className", "flow" + (losing ? " losing" : dangers.length ? " danger" : ""));
    const danger = dangers.length ? "can be lost: " + LOSSES[dangers[0][2]] + (dangers[0][1] >= 0 ? " at " + data.pods[dangers[0][1]].name : "") : "";
    set(element.word, "textContent", [danger, s.lost[g] ? count(s.lost[g]) + " lost" : "none lost"].filter(Boolean).join(" · "));
  });
};
// What a proxy has programmed, or (-1) what the slices say: each pod's endpoint.
let eyes = -1;
const seenBy = (s, a) => {
  const place = proxyPlace[a].get(eyes);
  if (place === undefined) return null;
  const seen = new Map();
  for (const [pod, is] of sliceLog[a].slice(s.rules[a][place], s.slices[a])) if (!seen.has(pod)) seen.set(pod, is);
  // Going back: what a pod was before the first change that this proxy has not heard.
  const before = new Map();
  for (const pod of seen.keys()) before.set(pod, data.pods[pod].first ? 1 : 0);
  for (const [pod, is] of sliceLog[a].slice(0, s.rules[a][place])) if (before.has(pod)) before.set(pod, is);
  return before;
};
const ENDPOINT = ["", "ready", "leaving"], ENDWORD = ["no endpoint", "ready", "terminating"];
const drawEnds = (element, s, a) => {
  const stale = eyes >= 0 ? seenBy(s, a) : null;
  const said = (p) => (stale && stale.has(p) ? stale.get(p) : s.ends[p]);
  const shown = podsOfApp[a].filter((p) => s.ends[p] || said(p));
  if (shown.length > 60) { element.ends.replaceChildren(); element.ends.dataset.key = ""; return stale; }
  const key = shown.map((p) => p + ":" + s.ends[p] + ":" + said(p)).join();
  if (element.ends.dataset.key !== key) {
    element.ends.dataset.key = key;
    element.ends.replaceChildren(...shown.map((p) => {
      const differs = said(p) !== s.ends[p];
      const pod = make("span", "pod " + (ENDPOINT[said(p)] || "none") + (differs ? " stale" : ""), data.pods[p].name.replace(/^.*-/, ""));
      pod.title = data.pods[p].name + ": " + ENDWORD[said(p)] + (differs ? " for this proxy, " + ENDWORD[s.ends[p]] + " by the slices" : "");
      pod.setAttribute("aria-label", pod.title);
      pod.setAttribute("role", "img");
      return pod;
    }));
  }
  return stale;
};
const eyesChoice = (parent) => {
  const nodes = [...new Set(data.apps.flatMap((a) => a.proxies))].sort((a, b) => rank[a] - rank[b]);
  if (!data.detail || !nodes.length) return;
  const label = make("label", "soft", "endpoints as "), choice = make("select");
  choice.id = "eyes";
  const all = make("option", "", "the slices say"); all.value = "-1";
  choice.append(all, ...nodes.map((n) => { const option = make("option", "", "kube-proxy on " + data.nodes[n].name + " sees them"); option.value = n; return option; }));
  choice.addEventListener("change", () => { eyes = Number(choice.value); draw(); });
  label.append(choice);
  parent.append(label);
};
const drawServices = (s) => {
  const parent = $("services");
  if (!parent.firstChild) { parent.append(make("h3", "", "Services")); eyesChoice(parent); }
  shownApps.forEach((a) => {
    const app = data.apps[a];
    const element = row(parent, "s" + a);
    set(element.label, "textContent", app.name);
    let ready = s.appReady[a], leaving = 0;
    if (data.detail) {
      ready = 0;
      for (const p of podsOfApp[a]) { if (s.ends[p] === 1) ready += 1; else if (s.ends[p] === 2) leaving += 1; }
    }
    set(element.flow, "className", "");
    const share = Math.max(0, Math.min(1, ready / Math.max(1, app.ready)));
    if (!element.bar) {
      element.bar = make("div", "bar"); element.ends = make("div", "pods");
      element.flow.append(element.bar, element.ends);
    }
    set(element.bar.style, "width", Math.round(share * 100) + "%");
    const stale = data.detail ? drawEnds(element, s, a) : null;
    const older = [...s.rules[a]].filter((heard, place) => heard < s.slices[a] && s.power[app.proxies[place]] > 0).length;
    const what = data.detail ? (ready === 1 ? " ready endpoint" : " ready endpoints") : " pods ready";
    const words = [count(ready) + what];
    if (leaving) words.push(leaving + " terminating");
    if (eyes >= 0) words.push(stale === null ? "not told of this proxy" : stale.size ? "this proxy still uses older rules" : "this proxy follows");
    else if (data.detail && app.proxies.length) words.push(older ? older + " of " + app.proxies.length + " proxies still use older rules" : "all proxies follow");
    set(element.word, "textContent", words.join(" · "));
  });
  const more = data.apps.length - shownApps.length;
  if (more && !parent.more) { parent.more = make("p", "soft", "and " + count(more) + " more"); parent.append(parent.more); }
};

// ---- the strip: steps, losses and exposure on the time axis ----------------------------------------------------------
const span = () => [data.start, data.end];
const strip = $("strip");
const drawStrip = () => {
  const ratio = window.devicePixelRatio || 1, width = strip.clientWidth, height = 84;
  if (!width) return;
  strip.width = width * ratio; strip.height = height * ratio;
  const g = strip.getContext("2d"), style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(name).trim();
  g.scale(ratio, ratio);
  g.fillStyle = color("--ground"); g.fillRect(0, 0, width, height);
  const [from, to] = span(), x = (t) => ((t - from) / (to - from)) * width;
  const lanes = Math.max(1, Math.min(data.lanes.length, 12)), each = 52 / lanes;
  data.lanes.forEach((lane, place) => {
    const y = 4 + (place % lanes) * each;
    for (const [a, b, phase] of lane) {
      g.fillStyle = data.phaseColors[phase];
      g.fillRect(x(a), y, Math.max(1, x(b) - x(a)), Math.max(1.5, each - 1));
    }
  });
  g.fillStyle = color("--leaving");
  for (const [a, b] of data.exposures) g.fillRect(x(a), 60, Math.max(1, x(b) - x(a)), 6);
  g.fillStyle = color("--lost");
  for (const [a] of data.lossTimes) g.fillRect(x(a) - 1, 66, 2.5, 16);
  g.fillStyle = color("--text"); g.fillRect(x(now) - 1, 0, 2, height);
};

// ---- events --------------------------------------------------------------------------------------------------------
const list = $("list"), HEIGHT = 26;
const kinds = [["all kinds", ""], ["the plan", "plan"], ["lost requests", "loss"], ["exposure", "exposure"], ["pods", "pod"], ["machines", "node"], ["etcd and API", "master"], ["faults", "fault"], ["rules", "rules"]];
for (const [words, value] of kinds) { const option = make("option", "", words); option.value = value; $("kind").append(option); }
const sizer = make("div"); sizer.style.cssText = "position:absolute;top:0;width:1px"; list.append(sizer);
const rowsShown = new Map();
let filtered = data.events.map((_, i) => i), selected = -1, now = data.start, speed = 30, playing = false;
const place = (t) => {
  let low = 0, high = filtered.length;
  while (low < high) { const middle = (low + high) >> 1; if (data.events[filtered[middle]][0] <= t) low = middle + 1; else high = middle; }
  return low;
};
const filter = () => {
  const words = $("find").value.toLowerCase(), kind = $("kind").value;
  filtered = [];
  data.events.forEach(([, of, text], i) => { if ((!kind || of === kind) && (!words || text.toLowerCase().includes(words))) filtered.push(i); });
  for (const element of rowsShown.values()) element.remove();
  rowsShown.clear();
  sizer.style.height = filtered.length * HEIGHT + "px";
  $("shown").textContent = count(filtered.length) + " of " + count(data.events.length) + " events" + (data.left ? "; " + count(data.left) + " more of single pods and machines are not listed" : "");
  follow(); drawList();
};
const drawList = () => {
  const from = Math.max(0, Math.floor(list.scrollTop / HEIGHT) - 4), to = Math.min(filtered.length, from + Math.ceil(list.clientHeight / HEIGHT) + 8);
  for (const [i, element] of rowsShown) if (i < from || i >= to) { element.remove(); rowsShown.delete(i); }
  for (let i = from; i < to; i += 1) {
    const [at, kind, text] = data.events[filtered[i]];
    let element = rowsShown.get(i);
    if (!element) {
      element = make("div", "event");
      element.append(make("time", "", clock(at)), make("span", "", text));
      element.style.top = i * HEIGHT + "px"; element.title = text;
      element.setAttribute("role", "option");
      element.id = "event-" + filtered[i];
      const id = filtered[i];
      element.addEventListener("click", () => select(id));
      rowsShown.set(i, element); list.append(element);
    }
    set(element, "className", "event" + (at <= now ? " past" : "") + (kind === "loss" ? " loss" : ""));
    element.setAttribute("aria-selected", filtered[i] === selected ? "true" : "false");
  }
};
const follow = () => {
  const at = (selected >= 0 ? filtered.indexOf(selected) : place(now) - 1) * HEIGHT;
  if (at < list.scrollTop || at > list.scrollTop + list.clientHeight - 2 * HEIGHT) list.scrollTop = Math.max(0, at - list.clientHeight / 2);
};
const chainOf = (event) => {
  const known = data.chains[event];
  if (known) return known.map((i) => [data.events[i][0], data.events[i][2], i]);
  const lines = [];
  for (let i = event; i >= 0 && lines.length < 14; i = data.events[i][3]) lines.push([data.events[i][0], data.events[i][2], i]);
  return lines.reverse();
};
const select = (event) => {
  selected = event;
  const [at, , text] = data.events[event];
  pause();
  if (!filtered.includes(event)) { $("find").value = ""; $("kind").value = ""; filter(); }
  seek(at, true);
  $("chain").replaceChildren(make("h3", "", "Why: " + text), chainList(chainOf(event)));
  list.setAttribute("aria-activedescendant", "event-" + event);
};

// ---- time ----------------------------------------------------------------------------------------------------------
let state = stateAt(data.start), last = 0;
const draw = () => {
  drawTraffic(state); drawServices(state); drawMasters(state); drawPools(state); drawStrip(); drawList();
  $("clock").textContent = clock(now);
  const [from, to] = span();
  $("scrub").value = String(Math.round(((now - from) / (to - from)) * 1000));
  $("scrub").setAttribute("aria-valuetext", clock(now));
};
const seek = (t, keeps) => {
  const to = Math.max(0, Math.min(data.end, t));
  state = to >= now && state.at <= to ? forward(state, to) : stateAt(to);
  now = to;
  if (!keeps) selected = -1;
  follow(); draw();
  if (!playing) history.replaceState(null, "", "#t=" + now.toFixed(6).replace(/\.?0+$/, ""));
};
const pause = () => { playing = false; document.body.classList.remove("playing"); $("play").textContent = "▶"; $("play").setAttribute("aria-label", "Play"); };
const tick = (stamp) => {
  if (!playing) return;
  const passed = last ? Math.min(0.2, (stamp - last) / 1000) : 0;
  last = stamp;
  seek(now + passed * speed);
  if (now >= data.end) { pause(); return; }
  requestAnimationFrame(tick);
};
const play = () => {
  if (playing) { pause(); seek(now); return; }
  if (now >= data.end) seek(data.start);
  playing = true; last = 0;
  document.body.classList.add("playing");
  $("play").textContent = "⏸"; $("play").setAttribute("aria-label", "Pause");
  requestAnimationFrame(tick);
};
const step = (by) => {
  const at = selected >= 0 && filtered.includes(selected) ? filtered.indexOf(selected) + by : by > 0 ? place(now) : place(now - 1e-9) - 1;
  if (at >= 0 && at < filtered.length) select(filtered[at]);
};
const nextLoss = () => {
  const event = data.events.findIndex(([at, kind], i) => kind === "loss" && (selected >= 0 ? i > selected : at > now));
  if (event >= 0) select(event);
};
$("play").addEventListener("click", play);
$("back").addEventListener("click", () => step(-1));
$("next").addEventListener("click", () => step(1));
$("loss").addEventListener("click", nextLoss);
$("loss").hidden = !data.lossTimes.length;
$("speed").addEventListener("change", (event) => { speed = Number(event.target.value); });
$("scrub").addEventListener("input", (event) => { pause(); const [from, to] = span(); seek(from + (Number(event.target.value) / 1000) * (to - from)); });
strip.addEventListener("click", (event) => { pause(); const [from, to] = span(); seek(from + (event.offsetX / strip.clientWidth) * (to - from)); });
$("find").addEventListener("input", filter);
$("kind").addEventListener("change", filter);
list.addEventListener("scroll", drawList);
list.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") { step(1); event.preventDefault(); event.stopPropagation(); }
  if (event.key === "ArrowUp") { step(-1); event.preventDefault(); event.stopPropagation(); }
});
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " " && !event.target.matches("button")) { play(); event.preventDefault(); }
  if (event.key === "ArrowRight" || event.key === "j") { step(1); event.preventDefault(); }
  if (event.key === "ArrowLeft" || event.key === "k") { step(-1); event.preventDefault(); }
  if (event.key === "L" || event.key === "l") nextLoss();
});
const dark = () => document.documentElement.dataset.theme === "dark";
document.documentElement.dataset.theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
$("theme").addEventListener("click", () => { document.documentElement.dataset.theme = dark() ? "light" : "dark"; drawStrip(); });
window.addEventListener("resize", () => { drawStrip(); drawList(); });
const linked = () => { const found = /^#t=([0-9.]+)$/.exec(location.hash); return found ? Number(found[1]) : null; };
window.addEventListener("hashchange", () => { const at = linked(); if (at !== null && Math.abs(at - now) > 1e-6) seek(at); });
filter();
seek(linked() ?? data.start);
