import fastify from 'fastify';
import { report, replies } from './report.js';

export const app = fastify();

app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' }, (request, body, done) => done(null, body));

app.get('/reply/:name', (request, reply) => {
  const [status, headers, body] = replies[request.params.name];
  return reply.code(status).headers(headers).send(body);
});

app.all('*', (request, reply) => reply.send(report({
  method: request.method,
  url: request.originalUrl,
  headers: request.headers,
  body: request.body ?? Buffer.alloc(0),
})));
