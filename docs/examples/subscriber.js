// May this person be texted, and how often did they ask? Two topics become two tables.
//
// node subscriber.js BOOTSTRAP DATABASE GROUP TOPIC...   (needs @platformatic/kafka and cloudevents)
// It needs Node 22.22, or 24.6, or newer. The environment says how to connect (SCSERV_KAFKA_...).
// It ends if Kafka doesn't let it in within 10 s, and on every error: run it under a supervisor, and as many
// of it as there are partitions.

const [major, minor] = process.versions.node.split('.').map(Number);
if (!(major > 24 || (major === 24 && minor >= 6) || (major === 22 && minor >= 22))) {
  console.error(`this needs Node 22.22, or 24.6, or newer, and is run by ${process.version}`);
  process.exit(1);
}
const { DatabaseSync } = require('node:sqlite');
const { Consumer, stringDeserializers } = require('@platformatic/kafka');
const { Kafka } = require('cloudevents');

const [bootstrap, path, groupId, ...topics] = process.argv.slice(2);
const {
  SCSERV_KAFKA_SECURITY_PROTOCOL: protocol = 'PLAINTEXT',
  SCSERV_KAFKA_SASL_MECHANISM: mechanism = 'SCRAM-SHA-256',
  SCSERV_KAFKA_USER: username,
  SCSERV_KAFKA_PASSWORD: password,
} = process.env;
const database = new DatabaseSync(path, { timeout: 60_000 });
database.exec(`CREATE TABLE IF NOT EXISTS people (subject PRIMARY KEY, version INT, may_be_texted INT);
  CREATE TABLE IF NOT EXISTS requests (subject PRIMARY KEY, version INT, count INT)`);
const erase = database.prepare('REPLACE INTO people VALUES (?, 1 << 31, 0)');
// Records come twice: only what is newer than the last of its subject changes a row.
const state = database.prepare(`INSERT INTO people VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE
  SET version = ?2, may_be_texted = ?3 WHERE version < ?2`);
const request = database.prepare(`INSERT INTO requests VALUES (?1, ?2, 1) ON CONFLICT DO UPDATE
  SET version = ?2, count = count + 1 WHERE version < ?2`);
const changes = {
  'ru.scserv.subscription.v1': (subject, version, data) =>
    state.run(subject, version, Number(data.may_be_texted)),
  'ru.scserv.request.accepted.v1': (subject, version) => request.run(subject, version),
};
const skipped = new Set();

function apply({ key, value, headers }) {
  if (value === undefined) return erase.run(key); // erased: not to be texted, and nothing follows
  const event = Kafka.toEvent({ key, value, headers: Object.fromEntries(headers) });
  if (event.type in changes) {
    const [subject, version] = event.id.split('/');
    const changed = changes[event.type](subject, Number(version), event.data).changes;
    if (changed && !event.replay) console.log(event.type, 'of', subject); // act on news, not on history
  } else if (!skipped.has(event.type)) {
    console.log('skipping', event.type);
    skipped.add(event.type);
  }
}

async function read(stream, batch = []) {
  for await (const message of stream) {
    if (batch.push(message) < 500 && stream.readableLength) continue;
    database.exec('BEGIN IMMEDIATE'); // one transaction; only when it is safe Kafka hears of it
    batch.forEach(apply);
    database.exec('COMMIT');
    const last = new Map(batch.splice(0).map((one) => [`${one.topic} ${one.partition}`, one]));
    await Promise.all([...last.values()].map((one) => one.commit()));
  }
}

const group = { groupId, sessionTimeout: 6000, heartbeatInterval: 2000, deserializers: stringDeserializers };
const sasl = protocol.startsWith('SASL') ? { mechanism, username, password } : undefined;
const tls = protocol.endsWith('SSL') ? {} : undefined;
const consumer = new Consumer({ clientId: groupId, bootstrapBrokers: bootstrap.split(','), sasl, tls, ...group });
process.on('SIGTERM', () => consumer.close(true).then(() => process.exit())); // leaves the group at once
const innermost = (error) => (error.errors?.length ? innermost(error.errors.at(-1)) : error.cause ?? error);
const options = { topics, mode: 'committed', fallbackMode: 'earliest', autocommit: false, maxWaitTime: 500 };
consumer
  .metadata({ topics })
  .catch((error) => {
    console.error("Kafka doesn't let us in:", innermost(error).message);
    console.error('Check its address, the topics and SCSERV_KAFKA_...');
    process.exit(1);
  })
  .then(() => consumer.consume(options))
  .then(read)
  .catch((error) => { console.error(error); process.exit(1); });
