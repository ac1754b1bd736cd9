// Puts the page together in dist/, named as in the bucket: `node build.js [BRAND]`. Nothing is compiled.
// BRAND is a folder whose config.json and brand.css, where there are any, take the place of the ones here;
// what else is in it, a logo for instance, goes into assets/.

import { cp, mkdir, readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const here = fileURLToPath(new URL(".", import.meta.url));
const source = join(here, "src");
const target = join(here, "dist");
const assets = join(target, "assets");
const chatjs = join(here, "node_modules/amazon-connect-chatjs/dist/amazon-connect-chat.js");

await rm(target, { recursive: true, force: true });
await mkdir(assets, { recursive: true });
await cp(join(source, "index.html"), join(target, "c"));
await cp(join(source, "index.html"), join(target, "chat"));
await cp(join(source, "expired.html"), join(target, "expired"));
await cp(join(here, "config.json"), join(target, "config.json"));
await cp(chatjs, join(assets, "chat.js"));
await cp(source, assets, { recursive: true, filter: (path) => !path.endsWith(".html") });

const brand = process.argv[2];
for (const name of brand ? await readdir(brand) : []) {
  await cp(join(brand, name), join(name === "config.json" ? target : assets, name), { recursive: true });
}
