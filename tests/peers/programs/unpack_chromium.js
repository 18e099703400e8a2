// Unpacks the Chromium of @sparticuz/chromium and its libraries: unpack_chromium.js PACKAGE TARGET
const fs = require("fs");
const path = require("path");
const zlib = require("zlib");

const [packed, target] = process.argv.slice(2);
fs.mkdirSync(target, { recursive: true });
for (const name of ["al2023.tar", "swiftshader.tar", "chromium"]) {
  const packedFile = path.join(packed, "bin", `${name}.br`);
  const draft = path.join(target, `${name}.new`);
  fs.writeFileSync(draft, zlib.brotliDecompressSync(fs.readFileSync(packedFile)), { mode: 0o755 });
  fs.renameSync(draft, path.join(target, name));
}
