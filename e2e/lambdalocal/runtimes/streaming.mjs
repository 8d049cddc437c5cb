// Streamed replies, as AWS's runtime for Node has them: the global awslambda, and what makes a response of the Runtime
// API of a handler's stream.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-response-streaming.html
// https://docs.aws.amazon.com/lambda/latest/dg/runtimes-custom.html#runtimes-custom-response-streaming

import { request } from 'node:http';

const streamed = Symbol('streamed');

globalThis.awslambda = {
  streamifyResponse: (handler) => Object.assign(handler, { [streamed]: true }),
  HttpResponseStream: {
    // Status, headers and cookies, then eight zeros, then the body.
    from(stream, prelude) {
      stream.setContentType('application/vnd.awslambda.http-integration-response');
      stream.write(JSON.stringify(prelude));
      stream.write(Buffer.alloc(8));
      return stream;
    },
  },
};

export const streams = (handler) => streamed in handler;

/**
 * respond posts what the handler writes to url while it writes it, and returns when the Runtime API has taken it. It
 * throws what the handler throws before its first byte; after it the error goes along behind the body, as failure
 * makes an object of it.
 */
export async function respond(url, handler, event, context, failure) {
  const response = request(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/octet-stream',
      'lambda-runtime-function-response-mode': 'streaming',
      'transfer-encoding': 'chunked',
      trailer: 'Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body',
    },
  });
  response.setContentType = (type) => response.setHeader('content-type', type);
  const taken = new Promise((resolve, reject) => {
    response.on('error', reject).on('response', (answer) => answer.on('end', resolve).resume());
  });
  taken.catch(() => {}); // where the handler fails first, nobody waits for it
  try {
    await handler(event, response, context);
  } catch (error) {
    if (!response.headersSent) {
      response.destroy();
      throw error;
    }
    const described = failure(error);
    response.addTrailers({
      'Lambda-Runtime-Function-Error-Type': described.errorType,
      'Lambda-Runtime-Function-Error-Body': Buffer.from(JSON.stringify(described)).toString('base64'),
    });
    response.end();
  }
  await taken;
}
