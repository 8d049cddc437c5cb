// origin-response: adds the security headers to every response of the origin, and says what a compressed copy holds.
const security = {
  'strict-transport-security': 'max-age=63072000; includeSubDomains; preload',
  'content-security-policy': "default-src 'none'; img-src 'self'; script-src 'self'; style-src 'self'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
};

const types = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
};

export const handler = async (event) => {
  const { request, response } = event.Records[0].cf;
  for (const [name, value] of Object.entries(security)) {
    response.headers[name] = [{ value }];
  }
  response.headers.vary = [{ key: 'Vary', value: 'Accept-Encoding' }];
  const [, extension] = /\.([a-z]+)\.gz$/.exec(request.uri) ?? [];
  if (extension && response.status === '200') {
    response.headers['content-encoding'] = [{ key: 'Content-Encoding', value: 'gzip' }];
    response.headers['content-type'] = [{ key: 'Content-Type', value: types[extension] }];
  }
  return response;
};
