// Makes the pictures of docs/images: the overview in the light theme, once five minutes of history fill its charts, and the
// transaction that the documentation describes, in the dark theme. Run by make pictures.
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import readline from "node:readline";
import { setTimeout } from "node:timers/promises";
import { chromium } from "playwright-core";

const here = import.meta.dirname;
const images = path.join(here, "..", "..", "docs", "images");
const history = Number(process.env.HISTORY ?? 310) * 1000;

const folder = await mkdtemp(path.join(tmpdir(), "ergon-pictures-"));
const demo = spawn(process.env.DEMO, ["run", "--config", path.join(here, "demo", "ergon.yaml"), "--log-format", "json"], {
  env: { ...process.env, FOLDER: folder }, stdio: ["ignore", "ignore", "pipe"],
});
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--headless", "--no-sandbox", "--disable-gpu"] });
try {
  let url;
  for await (const line of readline.createInterface({ input: demo.stderr })) {
    url = JSON.parse(line).url;
    if (url) break;
  }
  demo.stderr.resume();
  await setTimeout(history);
  const open = async (at, colorScheme) => {
    const context = await browser.newContext({ viewport: { width: 1120, height: 720 }, colorScheme });
    const page = await context.newPage();
    await page.goto(url + at);
    return page;
  };

  const overview = await open("", "light");
  await overview.locator("#part-charts svg").first().waitFor();
  await overview.screenshot({ path: path.join(images, "console-overview.png"), fullPage: true });

  const transactions = await open("transactions?outcome=succeeded", "dark");
  const retried = transactions.locator("#part-transactions-list tr", { has: transactions.locator("td.n", { hasText: /^4$/ }) });
  await retried.first().getByRole("link").click();
  await transactions.getByText("503 Service Unavailable").first().waitFor();
  await transactions.screenshot({ path: path.join(images, "console-transaction.png"), fullPage: true });
} finally {
  await browser.close();
  demo.kill("SIGKILL");
  await rm(folder, { recursive: true, force: true });
}
