// node-smpp in either role, driven by lines of JSON: commands come in, what happened goes out.
//
//   node node.js server [key-and-certificate.pem]
//   node node.js client PORT [certificate.pem]

const fs = require('fs');
const readline = require('readline');
const smpp = require('smpp');

const PASSWORD = 'sesame12';
const [role, ...args] = process.argv.slice(2);

function tell(event, facts) {
  process.stdout.write(JSON.stringify({ event, ...facts }) + '\n');
}

function facts(pdu) {
  const { short_message: text, message_payload: payload, ...rest } = pdu;
  const found = text || payload || {};
  const message = Buffer.isBuffer(found.message) ? found.message.toString('hex') : found.message;
  const udh = (found.udh || []).map((element) => element.toString('hex'));
  return { ...rest, text: message, udh };
}

// {"command": "deliver_sm", "udh": "hex", "message": "text", ...fields}
function request(line) {
  const { command, message, udh, ...fields } = line;
  if (message !== undefined) {
    fields.short_message = udh ? { udh: Buffer.from(udh, 'hex'), message } : { message };
  }
  return new smpp.PDU(command, fields);
}

function receipt(submit, id) {
  const decimal = parseInt(id, 16);
  return new smpp.PDU('deliver_sm', {
    esm_class: smpp.ESM_CLASS.MC_DELIVERY_RECEIPT,
    source_addr: submit.destination_addr,
    destination_addr: submit.source_addr,
    short_message: `id:${decimal} sub:001 dlvrd:001 submit date:2601311530 done date:2601311531 ` +
      'stat:DELIVRD err:000 text:first words',
    receipted_message_id: String(decimal),
    message_state: smpp.MESSAGE_STATE.DELIVERED,
  });
}

let last = 0xabcdef;

function answer(session, pdu) {
  if (pdu.command.startsWith('bind_')) {
    const wrong = pdu.password !== PASSWORD;
    session.send(pdu.response(wrong ? { command_status: smpp.ESME_RINVPASWD } : { system_id: 'node' }));
  } else if (pdu.command === 'submit_sm') {
    const id = (last += 1).toString(16).padStart(10, '0');
    session.send(pdu.response({ message_id: id }));
    if (pdu.registered_delivery) session.send(receipt(pdu, id));
  } else if (pdu.command === 'query_sm') {
    session.send(pdu.response({ message_id: pdu.message_id, final_date: '', message_state: 2 }));
  } else if (pdu.command === 'unbind') {
    session.send(pdu.response(), () => session.close());
  } else {
    session.send(pdu.response());
  }
}

function serve(session) {
  session.on('pdu', (pdu) => {
    tell('pdu', facts(pdu));
    if (!pdu.isResponse() && pdu.command !== 'unknown') answer(session, pdu);
  });
  session.on('close', () => tell('closed'));
  session.on('error', (error) => tell('error', { message: String(error) }));
  const lines = readline.createInterface({ input: process.stdin });
  lines.on('line', (line) => session.send(request(JSON.parse(line))));
  session.on('close', () => lines.close());
}

if (role === 'server') {
  const pem = args[0] && fs.readFileSync(args[0]);
  const server = smpp.createServer(pem ? { key: pem, cert: pem } : {}, serve);
  server.listen(0, '127.0.0.1', () => tell('listening', { port: server.address().port }));
} else {
  const tls = args[1] ? { tls: true, ca: fs.readFileSync(args[1]) } : {};
  const session = smpp.connect({ host: '127.0.0.1', port: Number(args[0]), ...tls }, () => tell('connected'));
  serve(session);
}
