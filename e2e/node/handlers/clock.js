// Server-sent events: ?events= of them (3), one each ?ms= milliseconds (100), with the time of their writing in
// nanoseconds. With ?fail=early the function fails before them, with ?fail=late after them.

export const handler = awslambda.streamifyResponse(async (event, stream) => {
  const { events = '3', ms = '100', fail } = event.queryStringParameters ?? {};
  if (fail === 'early') {
    throw new RangeError('broke off on purpose');
  }
  stream = awslambda.HttpResponseStream.from(stream, {
    statusCode: 201,
    headers: { 'content-type': 'text/event-stream' },
    cookies: ['a=1', 'b=2'],
  });
  for (let n = 1; n <= Number(events); n++) {
    stream.write(`data: {"n":${n},"at":${Date.now()}000000}\n\n`);
    await new Promise((resolve) => setTimeout(resolve, Number(ms)));
  }
  if (fail === 'late') {
    throw new RangeError('broke off on purpose');
  }
  stream.end();
});
