// A runtime for Lambda functions in Node: node node.mjs FILE EXPORT
// It asks the Runtime API for events, one after the other, and posts what the handler returns or streams:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

import { request } from 'node:http';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { respond, streams } from './streaming.mjs';

const [file, name] = process.argv.slice(2);
const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

/** call returns the Runtime API's answer. Not fetch: it gives up on an event that is 5 minutes away. */
const call = (method, path, value) => new Promise((done, fail) => {
  const body = method === 'POST' ? Buffer.from(JSON.stringify(value) ?? 'null') : '';
  const sent = request(`${api}/${path}`, {
    method,
    headers: method === 'POST' ? { 'content-type': 'application/json', 'content-length': body.length } : {},
  });
  sent.on('error', fail).on('response', (response) => {
    const chunks = [];
    response.on('data', (chunk) => chunks.push(chunk)).on('error', fail);
    response.on('end', () => done({ headers: response.headers, text: Buffer.concat(chunks).toString() }));
  });
  sent.end(body);
});

/** failure describes an error as AWS's runtime does. */
const failure = (error) => ({
  errorType: error?.name ?? 'Error',
  errorMessage: error?.message ?? String(error),
  stackTrace: error?.stack?.split('\n') ?? [],
});

/** load returns the handler. Exports of CommonJS modules that Node cannot see beforehand are in their default. */
async function load() {
  const exported = await import(pathToFileURL(resolve(file)));
  for (const root of [exported, exported.default]) {
    const found = name.split('.').reduce((value, key) => value?.[key], root);
    if (typeof found === 'function') {
      return found;
    }
  }
  throw Object.assign(new Error(`${file} has no function ${name} among its exports`), { name: 'Runtime.HandlerNotFound' });
}

/**
 * run takes the handler's promise, or what it passes to its callback, or what it returns. As in Lambda it is null where
 * Node has nothing left to do and none of that has come.
 */
const run = (handler, event, context) => new Promise((done, fail) => {
  process.removeAllListeners('beforeExit').once('beforeExit', () => done(null));
  const returned = handler(event, context, (error, value) => (error ? fail(error) : done(value)));
  if (typeof returned?.then === 'function') {
    returned.then(done, fail);
  } else if (handler.length < 3) {
    done(returned);
  }
});

const parsed = (json) => (json ? JSON.parse(json) : undefined);

const contextOf = (headers) => ({
  awsRequestId: headers['lambda-runtime-aws-request-id'],
  callbackWaitsForEmptyEventLoop: true,
  clientContext: parsed(headers['lambda-runtime-client-context']),
  functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
  functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
  invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
  logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
  logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
  memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  tenantId: headers['lambda-runtime-aws-tenant-id'],
  getRemainingTimeInMillis: () => Number(headers['lambda-runtime-deadline-ms']) - Date.now(),
});

let handler;
try {
  handler = await load();
} catch (error) {
  console.error(error);
  await call('POST', 'init/error', failure(error));
  process.exit(1);
}

let current; // the request id of the event under way
process.on('uncaughtException', async (error) => {
  console.error(error);
  if (current) {
    await call('POST', `invocation/${current}/error`, failure(error)).catch(() => {});
  }
  process.exit(1);
});

for (;;) {
  const next = await call('GET', 'invocation/next');
  const id = next.headers['lambda-runtime-aws-request-id'];
  current = id;
  process.env._X_AMZN_TRACE_ID = next.headers['lambda-runtime-trace-id'] ?? '';
  try {
    const event = JSON.parse(next.text);
    const context = contextOf(next.headers);
    if (streams(handler)) {
      await respond(`${api}/invocation/${id}/response`, handler, event, context, failure);
    } else {
      await call('POST', `invocation/${id}/response`, await run(handler, event, context));
    }
  } catch (error) {
    console.error(error);
    await call('POST', `invocation/${id}/error`, failure(error));
  }
  current = undefined;
}
