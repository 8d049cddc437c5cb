// Runs http-tests/cache-tests, the suite that browsers and proxies are scored with, against a proxy.
//
// Usage: node suite.mjs FOLDER. It starts the suite's origin, writes its URL, reads the proxy's URL from standard input,
// and writes one line for each test: its id, its kind and what came of it.
import fs from 'node:fs'
import http from 'node:http'
import path from 'node:path'
import readline from 'node:readline'
import { pathToFileURL } from 'node:url'

const folder = path.resolve(process.argv[2])
const engine = fs.existsSync(path.join(folder, 'test-engine')) ? path.join(folder, 'test-engine') : folder
const load = (...names) => import(pathToFileURL(path.join(...names)).href)

const handlers = {
  config: (await load(engine, 'server', 'handle-config.mjs')).default,
  test: (await load(engine, 'server', 'handle-test.mjs')).default,
  state: (await load(engine, 'server', 'handle-state.mjs')).default
}
const { runTests, getResults } = await load(engine, 'client', 'runner.mjs')
const suites = (await load(folder, 'tests', 'index.mjs')).default

// The suite's own origin listens on all addresses.
const origin = http.createServer((request, response) => {
  const [kind, ...rest] = new URL(request.url, 'http://localhost').pathname.slice(1).split('/')
  if (handlers[kind]) {
    handlers[kind](rest, request, response)
  } else {
    response.writeHead(404).end()
  }
})
await new Promise(resolve => origin.listen(0, '127.0.0.1', resolve))

const say = text => process.stdout.write(text + '\n')
console.log = console.error // The suite logs to standard output.
say(`http://127.0.0.1:${origin.address().port}`)
const [proxy] = await new Promise(resolve => {
  const lines = []
  readline.createInterface({ input: process.stdin }).on('line', line => resolve([...lines, line]))
})

if (engine === folder) {
  await runTests(suites, fetch, false, proxy, 25) // version 0.4
} else {
  await runTests(suites, false, proxy, 25)
}

const results = getResults()
const tests = new Map(suites.flatMap(suite => suite.tests).map(test => [test.id, test]))

// score is what the suite's page says of a test: one that depends on another which failed says nothing.
function score (id) {
  const test = tests.get(id)
  if (!(id in results)) return 'untested'
  if ((test.depends_on ?? []).some(other => score(other) !== 'pass')) return 'dependency'
  if (results[id] === true) return 'pass'
  return results[id][0] === 'Setup' ? 'setup' : 'fail'
}

for (const id of [...tests.keys()].sort()) {
  if (!tests.get(id).browser_only) {
    say(`${id} ${tests.get(id).kind ?? 'required'} ${score(id)}`)
    if (results[id] !== true) console.error(id, results[id])
  }
}
process.exit(0)
