// Serves an app over plain HTTP, on a free port of the loopback interface, which it prints: node plain.js APP

import { createServer } from 'node:http';
import { getRequestListener } from '@hono/node-server';

const name = process.argv[2];
const { app } = await import(`./${name}.js`);

async function listener() {
  switch (name) {
    case 'fastify':
      await app.ready();
      return app.routing;
    case 'hono':
      return getRequestListener(app.fetch);
    default:
      return app;
  }
}

const server = createServer(await listener());
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('end', () => process.exit()).resume(); // ends with the process that has started it
