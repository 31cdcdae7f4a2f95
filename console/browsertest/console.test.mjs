// The console in a real browser: every page, what changes by itself, a dead letter to its end, both themes, a phone; and
// that no page complains or asks anybody else. Screenshots are left in out/console.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, mkdir, rm } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import readline from "node:readline";
import { chromium } from "playwright-core";

const here = import.meta.dirname;
const pictures = path.join(here, "..", "..", "out", "console");
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const flags = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];
const patience = 30_000;

let folder, browser;
const programs = [];
const hosts = new Set(); // where their consoles are
const complaints = []; // of any page, and requests that left the host

// start runs the demo until it says where its console is.
async function start(environment = {}) {
  const program = spawn(process.env.DEMO, ["run", "--config", path.join(here, "demo", "ergon.yaml"), "--log-format", "json"], {
    env: { ...process.env, FOLDER: await mkdtemp(path.join(folder, "data-")), ...environment }, stdio: ["ignore", "ignore", "pipe"],
  });
  programs.push(program);
  for await (const line of readline.createInterface({ input: program.stderr })) {
    const url = JSON.parse(line).url;
    if (url) {
      hosts.add(new URL(url).hostname);
      program.stderr.resume();
      return url;
    }
  }
  throw new Error("the demo ended before it served a console");
}

async function open(address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(patience);
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on("pageerror", (error) => complaints.push(`${page.url()}: ${error}`));
  page.on("request", (request) => {
    const host = new URL(request.url()).hostname;
    if (!hosts.has(host)) complaints.push(`${page.url()} asked ${host}`);
  });
  await page.goto(address);
  return page;
}

// picture is of the whole page.
const picture = (page, name) => page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage: true });

// changes waits until what an element says is something else.
async function changes(page, selector) {
  const before = await page.locator(selector).innerText();
  await page.waitForFunction(([s, text]) => document.querySelector(s).innerText !== text, [selector, before]);
}

// fits reports what is wider than the window.
async function fits(page) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(over <= 0, `${page.url()} is ${over} px wider than the window`);
}

let url;
before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "ergon-console-"));
  await mkdir(pictures, { recursive: true });
  browser = await chromium.launch({ executablePath, args: flags });
  url = await start();
});

after(async () => {
  await browser?.close();
  for (const program of programs) program.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
});

test("the overview changes by itself", async () => {
  const page = await open(url, { colorScheme: "light" });
  assert.equal(await page.title(), "Overview · orders");
  await changes(page, "#part-overview-figures");
  await page.getByRole("link", { name: "invoicing" }).first().waitFor();
  await page.locator("#part-charts svg").first().waitFor();
  await page.waitForFunction(() => !/^0/.test(document.querySelector("#part-overview-figures dd").innerText));
  await changes(page, "#part-charts");
  await picture(page, "overview-light");
  await page.context().close();
});

test("a task is paused, resumed and set", async () => {
  const page = await open(`${url}tasks/invoicing`);
  const state = page.locator("#part-task-state");
  await state.getByText("running").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("status").getByText("Paused").waitFor();
  await state.getByText("paused").waitFor();
  await picture(page, "task-paused");
  await page.getByRole("button", { name: "Resume" }).click();
  await state.getByText("running").waitFor();
  await page.getByLabel("Concurrency of each worker").fill("3");
  await page.getByRole("button", { name: "Set" }).click();
  await page.getByRole("status").getByText("The concurrency of each worker is 3").waitFor();
  assert.equal(await page.getByLabel("Concurrency of each worker").inputValue(), "3");
  await page.waitForFunction(() => document.querySelectorAll("#part-task-recent tbody tr").length > 2);
  await picture(page, "task-light");
  await page.context().close();
});

test("a transaction that failed is found and looked at, in the dark", async () => {
  const page = await open(`${url}transactions?outcome=succeeded`, { colorScheme: "dark" });
  const retried = page.locator("#part-transactions-list tr", { has: page.locator("td.n", { hasText: /^4$/ }) });
  await retried.first().waitFor();
  await picture(page, "transactions-dark");
  await retried.first().getByRole("link").click();
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  await page.getByText("503 Service Unavailable").first().waitFor();
  assert.match(await page.getByRole("listitem").first().innerText(), /process 1/);
  assert.equal(await page.getByText("payloads may be confidential").count(), 1);
  await picture(page, "transaction-dark");
  await page.context().close();
});

test("a dead letter is retried to its end", async () => {
  const page = await open(`${url}dead-letters`);
  const group = page.getByRole("link", { name: /no tax number/ }).first();
  while (!(await group.isVisible())) await page.reload();
  await picture(page, "dead-letters");
  await group.click();
  const letter = page.locator("tbody th a[href*='letter?key=']").last(); // the oldest
  const id = await letter.innerText();
  await letter.click();
  await page.getByText("has no tax number").first().waitFor();
  await picture(page, "dead-letter");
  await page.getByRole("button", { name: "Retry" }).click();
  await page.getByRole("status").getByText("Requeued 1 dead letter.").waitFor();
  await page.goto(`${url}transactions?task=invoicing&outcome=succeeded&q=${id}`);
  await page.waitForFunction(() => [...document.querySelectorAll("#part-transactions-list .chip")].some((c) => c.innerText === "succeeded"));
  await page.goto(`${url}dead-letters/invoicing`);
  assert.equal(await page.getByRole("link", { name: id, exact: true }).count(), 0, "it is a dead letter still");
  await page.context().close();
});

test("many dead letters are dropped, once somebody is sure", async () => {
  const page = await open(`${url}dead-letters/invoicing`);
  await page.getByLabel("Select all on this page").check();
  assert.ok((await page.locator("input[name=key]:checked").count()) > 0);
  await page.getByRole("button", { name: "Drop selected" }).click();
  await page.getByRole("heading", { name: /^Drop \d+ dead letters?\?$/ }).waitFor();
  await picture(page, "confirm");
  await page.getByRole("link", { name: "Cancel" }).click();
  await page.getByRole("button", { name: /^Drop all/ }).click();
  await page.getByRole("button", { name: "Drop them" }).click();
  await page.getByRole("status").getByText(/^Dropped \d+ dead letters?\.$/).waitFor();
  await page.context().close();
});

test("the configuration is shown", async () => {
  const page = await open(`${url}configuration`, { colorScheme: "dark" });
  await page.getByText("max_attempts: 3").first().waitFor();
  await picture(page, "configuration-dark");
  await page.context().close();
});

test("the theme is the system's until somebody changes it, and stays", async () => {
  const page = await open(url, { colorScheme: "dark" });
  const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const dark = await paper();
  await page.getByRole("button", { name: "Change between light and dark" }).click();
  const light = await paper();
  assert.notEqual(light, dark);
  await page.goto(`${url}transactions`);
  assert.equal(await paper(), light);
  await page.context().close();
});

test("everything fits a phone", async () => {
  const page = await open(url, { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true });
  const letters = page.locator("tbody th a[href*='letter?key=']").first();
  for (const at of ["", "tasks/invoicing", "transactions", "dead-letters", "dead-letters/invoicing", "configuration", "token"]) {
    await page.goto(url + at);
    await fits(page);
    await picture(page, `phone-${at.replace("/", "-") || "overview"}`);
  }
  await page.goto(`${url}transactions`);
  await page.locator("#part-transactions-list tbody a").first().click();
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  await fits(page);
  await picture(page, "phone-transaction");
  await page.goto(`${url}dead-letters/invoicing`);
  while (!(await letters.isVisible())) await page.reload();
  await letters.click();
  await fits(page);
  await page.context().close();
});

test("without JavaScript everything is there, and forms work", async () => {
  const page = await open(url, { javaScriptEnabled: false });
  await page.getByRole("link", { name: "invoicing" }).first().click();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("status").getByText("Paused").waitFor();
  await page.getByRole("button", { name: "Resume" }).click();
  await page.getByRole("status").getByText("Resumed").waitFor();
  for (const at of ["", "transactions", "dead-letters", "dead-letters/invoicing", "configuration"]) {
    await page.goto(url + at);
    assert.equal(await page.getByRole("heading", { level: 1 }).count(), 1, at);
  }
  await page.context().close();
});

test("it is used by keyboard", async () => {
  const page = await open(url);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.innerText), "Skip to content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  const task = page.locator("#part-overview-tasks a").last();
  await task.focus();
  await changes(page, "#part-overview-tasks");
  assert.equal(await page.evaluate(() => document.activeElement.innerText), await task.innerText(), "the focus was lost when the table changed");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Lifecycle" }).waitFor();
  await page.context().close();
});

test("a page and its assets are small, and soon there", async () => {
  const page = await open("about:blank");
  const bodies = [];
  page.on("response", (response) => {
    if (!response.url().includes("/events")) bodies.push(response.body());
  });
  await page.goto(url, { waitUntil: "load" });
  const paint = await page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => { // which may tell of the first paint alone, before there is content
      for (const entry of list.getEntriesByName("first-contentful-paint")) resolve(entry.startTime);
    }).observe({ type: "paint", buffered: true });
  }));
  const bytes = (await Promise.all(bodies)).reduce((sum, body) => sum + body.length, 0);
  console.log(`overview: ${bytes} bytes, first paint after ${Math.round(paint)} ms`);
  assert.ok(bytes > 15_000 && bytes < 150_000, `${bytes} bytes`);
  await page.context().close();
});

test("what changes something needs the token, where there is one", async () => {
  const guarded = await start({ OPS_TOKEN: "correct horse battery", OPS_PAYLOADS: "true" });
  const page = await open(`${guarded}tasks/invoicing`);
  assert.ok(await page.getByRole("button", { name: "Pause" }).isDisabled());
  await page.getByRole("link", { name: "enter the token" }).click();
  await page.getByLabel("Token").fill("incorrect horse");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("The token is wrong.").waitFor();
  await page.getByLabel("Token").fill("correct horse battery");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.goto(`${guarded}tasks/invoicing`);
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByRole("status").getByText("Paused").waitFor();
  await page.goto(`${guarded}transactions?outcome=succeeded`);
  await page.locator("#part-transactions-list tbody a").first().click();
  await page.getByText(/alert\(1\)/).first().waitFor(); // shown, and not run
  await page.context().close();
});

// A name of this machine that is not a name for itself: others may know it, so looking needs the token.
test("looking from elsewhere needs the token", async () => {
  const guarded = await start({ OPS_TOKEN: "correct horse battery", OPS_LISTEN: `${hostname()}:0` });
  const page = await open(`${guarded}tasks/invoicing`);
  assert.equal(new URL(page.url()).pathname, "/token");
  assert.equal(await page.getByRole("navigation").count(), 0);
  assert.equal(await page.locator("#part-status").count(), 0);
  await picture(page, "sign-in");
  await page.getByLabel("Token").fill("incorrect horse");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("The token is wrong.").waitFor();
  await page.getByLabel("Token").fill("correct horse battery");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  const [cookie] = await page.context().cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict" && !cookie.value.includes("horse"));
  await page.goto(`${guarded}tasks/invoicing`);
  await changes(page, "#part-task-figures"); // events need the cookie as well
  await picture(page, "signed-in");
  await page.context().close();
});

test("no page complained, and none asked anybody else", () => {
  assert.deepEqual(complaints, []);
});
