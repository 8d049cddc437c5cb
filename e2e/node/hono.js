import { Hono } from 'hono';
import { report, replies } from './report.js';

export const app = new Hono();

app.get('/reply/:name', (c) => {
  const [status, headers, body] = replies[c.req.param('name')];
  return c.body(status === 204 ? null : body, status, { ...headers });
});

app.all('*', async (c) => c.json(report({
  method: c.req.method,
  url: c.req.url,
  headers: c.req.header(),
  body: Buffer.from(await c.req.arrayBuffer()),
})));
