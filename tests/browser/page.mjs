// Opens a run's page in headless Chromium and uses it as a reader would.
//
//   node page.mjs PAGE.html SCREENSHOTS/
//
// Needs playwright-core (see .ci/browser) and Debian's chromium. Ends in 1 with what was not so.
import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createRequire } from "node:module";

const require = createRequire(resolve(process.env.PLAYWRIGHT ?? ".", "x.js"));
const { chromium } = require("playwright-core");
const [file, shots] = process.argv.slice(2);
const url = pathToFileURL(resolve(file)).href;
mkdirSync(shots, { recursive: true });

const wrong = [];
const so = (claim, holds) => { if (!holds) wrong.push(claim); };
const quiet = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", headless: true, args: quiet });

const open = async (width, height, scheme, hash = "") => {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme });
  const page = await context.newPage();
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) wrong.push("console: " + message.text()); });
  page.on("pageerror", (error) => wrong.push("page error: " + error.message));
  page.on("request", (request) => { if (!request.url().startsWith("file:") && !request.url().startsWith("data:")) wrong.push("asks for " + request.url()); });
  page.on("dialog", (dialog) => { wrong.push("a dialog opens: " + dialog.message()); dialog.dismiss(); });
  await page.goto(url + hash);
  return page;
};
const wide = (page) => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

const began = Date.now();
const page = await open(1600, 1000, "light");
await page.waitForSelector("#masters .card");
console.log("opened in " + (Date.now() - began) + " ms");
so("the title says what was found", (await page.title()).length > 10);
so("1600 px: nothing is cut off at the right", (await wide(page)) <= 0);
await page.screenshot({ path: shots + "/start.png" });

const cluster = () => page.evaluate(() => document.querySelector("#masters").textContent + document.querySelector("#pools").innerHTML);
const before = await cluster();
await page.$eval("#scrub", (scrub) => { scrub.value = "600"; scrub.dispatchEvent(new Event("input")); });
so("the scrubber moves the cluster", (await cluster()) !== before);
so("the address keeps the instant", /#t=\d/.test(page.url()));
await page.screenshot({ path: shots + "/middle.png" });

await page.keyboard.press("Escape");
await page.evaluate(() => document.activeElement.blur());
const clock = () => page.textContent("#clock");
await page.keyboard.press("ArrowRight");
const chosen = () => page.getAttribute("#list", "aria-activedescendant");
const one = await chosen();
await page.keyboard.press("ArrowRight");
so("the right arrow steps from event to event", one !== null && (await chosen()) !== one);
await page.keyboard.press("Space");
await page.waitForTimeout(600);
so("space plays", (await page.getAttribute("#play", "aria-label")) === "Pause");
await page.keyboard.press("Space");
const stopped = await clock();
await page.waitForTimeout(200);
so("space pauses", (await clock()) === stopped);

const eyes = await page.$$eval("#eyes option", (all) => all.map((one) => one.value));
so("endpoints can be seen as a proxy sees them", eyes.length >= 2);
await page.selectOption("#eyes", eyes[1]);
so("a proxy's own endpoints are shown", (await page.$$("#services .pod")).length > 0 && /this proxy/.test(await page.textContent("#services")));
await page.selectOption("#eyes", "-1");
so("members say how far their logs are", /term \d+ · entry \d+/.test(await page.textContent("#masters")));

const losses = await page.evaluate(() => !document.querySelector("#loss").hidden);
if (losses) {
  await page.selectOption("#kind", "loss");
  await page.waitForSelector(".event.loss");
  await page.click(".event.loss");
  const lines = await page.$$eval("#chain li", (all) => all.map((one) => one.textContent));
  so("a lost request can be clicked and its chain read: " + lines.length + " lines", lines.length >= 4);
  so("the chain ends with the loss", /lost/.test(lines[lines.length - 1] ?? ""));
  // As kube-proxy on that client sees them: the picture that README shows.
  await page.selectOption("#eyes", eyes[eyes.length - 1]);
  await page.$eval("#player", (player) => player.scrollIntoView());
  await page.screenshot({ path: shots + "/loss.png" });
  await page.selectOption("#eyes", "-1");
  await page.selectOption("#kind", "");
}
await page.fill("#find", "is drained");
const found = await page.$$eval(".event", (all) => all.every((one) => /is drained/.test(one.textContent)));
so("the list can be filtered", found);
const url2 = page.url().split("#")[1];

const again = await open(1600, 1000, "light", "#" + url2);
await again.waitForSelector("#masters .card");
so("a deep link opens at its instant", (await again.textContent("#clock")) === (await clock()));

const dark = await open(1100, 900, "dark");
await dark.waitForSelector("#masters .card");
const ground = await dark.evaluate(() => getComputedStyle(document.body).backgroundColor);
so("dark where the system is dark: " + ground, /rgb\((\d+)/.exec(ground)?.[1] < 60);
await dark.$eval("#scrub", (scrub) => { scrub.value = "500"; scrub.dispatchEvent(new Event("input")); });
await dark.screenshot({ path: shots + "/dark.png", fullPage: true });

const narrow = await open(400, 800, "light");
await narrow.waitForSelector("#masters .card");
so("400 px: nothing is cut off at the right", (await wide(narrow)) <= 0);
await narrow.$eval("#scrub", (scrub) => { scrub.value = "500"; scrub.dispatchEvent(new Event("input")); });
await narrow.screenshot({ path: shots + "/narrow.png", fullPage: true });

await browser.close();
if (wrong.length) {
  console.error("not so:\n  " + wrong.join("\n  "));
  process.exit(1);
}
console.log("the page does what it should");
