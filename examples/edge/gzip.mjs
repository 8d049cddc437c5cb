// origin-request: asks the origin for the compressed copy of a file, which has .gz after its name, where the client takes
// gzip. What the copy is, headers.mjs tells the client.
const compressed = /\.(?:css|html|js|json|svg)$/;

export const handler = async (event) => {
  const { request } = event.Records[0].cf;
  const encodings = (request.headers['accept-encoding'] ?? []).map(({ value }) => value).join(',');
  if (compressed.test(request.uri) && /\bgzip\b/.test(encodings)) {
    request.uri += '.gz';
  }
  return request;
};
