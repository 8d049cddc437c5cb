import express from 'express';
import { report, replies } from './report.js';

export const app = express();

app.use(express.raw({ type: () => true, limit: '6mb' }));

app.get('/reply/:name', (request, response) => {
  const [status, headers, body] = replies[request.params.name];
  response.status(status).set(headers).send(body);
});

app.use((request, response) => {
  response.json(report({
    method: request.method,
    url: request.originalUrl,
    headers: request.headers,
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
  }));
});
