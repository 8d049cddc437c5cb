// A runtime for Lambda functions in Node: node runtime.js HANDLER-FILE
// It asks the Runtime API for events, one after the other, and hands back what the handler returns or streams:
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html

import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { respond, streams } from './streaming.js';

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

const post = (path, value) => fetch(`${api}/${path}`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(value) ?? 'null',
});

const failure = (error) => ({
  errorType: error?.name ?? 'Error',
  errorMessage: error?.message ?? String(error),
  stackTrace: error?.stack?.split('\n') ?? [],
});

async function load(file) {
  try {
    return (await import(pathToFileURL(resolve(file)))).handler;
  } catch (error) {
    await post('init/error', failure(error));
    throw error;
  }
}

const handler = await load(process.argv[2]);
for (;;) {
  const next = await fetch(`${api}/invocation/next`);
  const id = next.headers.get('lambda-runtime-aws-request-id');
  const context = {
    awsRequestId: id,
    callbackWaitsForEmptyEventLoop: false,
    functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: next.headers.get('lambda-runtime-invoked-function-arn'),
    getRemainingTimeInMillis: () => Number(next.headers.get('lambda-runtime-deadline-ms')) - Date.now(),
  };
  try {
    const event = await next.json();
    if (streams(handler)) {
      await respond(`${api}/invocation/${id}/response`, handler, event, context, failure);
    } else {
      await post(`invocation/${id}/response`, await handler(event, context));
    }
  } catch (error) {
    await post(`invocation/${id}/error`, failure(error));
  }
}
