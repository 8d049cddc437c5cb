// What every app here does, whatever its framework: it tells what it sees of a request, or, below /reply/, answers
// with what an adapter has to carry back.

/**
 * report is what an app sees of a request. url is path and query as the framework has them; headers is an object
 * with names in lower case, values are strings or lists; body is a Buffer.
 */
export function report({ method, url, headers, body }) {
  const { pathname, search } = new URL(url, 'http://app.invalid');
  return {
    method,
    path: pathname,
    query: [...new URLSearchParams(search)],
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
    body: body.toString('base64'),
  };
}

/** replies are the answers by the last segment of the path, as [status, headers, body]. A header may have a list. */
export const replies = {
  cookies: [200, { 'content-type': 'text/plain', 'set-cookie': ['a=1; Path=/', 'b=2; HttpOnly'] }, 'two cookies'],
  binary: [200, { 'content-type': 'image/png' }, Buffer.from([0x89, 0x50, 0x00, 0xff, 0x0a])],
  redirect: [302, { 'content-type': 'text/plain', location: 'https://example.org/next?a=b%20c' }, ''],
  nothing: [204, {}, ''],
  teapot: [418, { 'content-type': 'text/html; charset=utf-8' }, '<p>kännchen</p>'],
};
