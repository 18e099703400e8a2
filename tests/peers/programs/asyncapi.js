// The official AsyncAPI parser on a document from stdin: prints what it found as JSON.

const fs = require('fs');
const { Parser } = require('@asyncapi/parser');

async function main() {
  const { document, diagnostics } = await new Parser().parse(fs.readFileSync(0, 'utf8'));
  const channels = document ? document.channels().all() : [];
  process.stdout.write(JSON.stringify({
    version: document && document.version(),
    channels: Object.fromEntries(
      channels.map((one) => [one.address(), one.messages().all().map((message) => message.name())]),
    ),
    complaints: diagnostics.map(({ code, path, message }) => `${code} at ${path.join('.')}: ${message}`),
  }));
}

main();
