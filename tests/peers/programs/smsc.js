// node-smsc as its readers use it: sends, asks for the status, the balance and what is refused.
// Arguments: the address of the API, login, password, a phone. Prints one JSON object.
const [request, login, password, phone] = process.argv.slice(2)
const smsc = require('node-smsc')({ request, login, password })

async function refused (call) {
  try {
    await call
    return null
  } catch (error) {
    return String(error)
  }
}

async function main () {
  const sent = await smsc.send({ phones: phone, mes: 'Заявка 4711 выполнена', cost: 3 })
  const status = await smsc.status({ phone, id: sent.id, all: 1 })
  const balance = await smsc.balance({ cur: 1 })
  const wrong = require('node-smsc')({ request, login, password: 'wrong' })
  console.log(JSON.stringify({
    sent,
    status,
    balance,
    wrong: await refused(wrong.balance()),
    landline: await refused(smsc.send({ phones: '+74951234567', mes: 'x' }))
  }))
}

main()
