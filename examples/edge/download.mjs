// viewer-response: has browsers save a file in place of showing it, where the URL ends in ?download. The request is the
// client's, whatever origin-request made of its URL.
export const handler = async (event) => {
  const { request, response } = event.Records[0].cf;
  if (request.querystring === 'download') {
    const name = request.uri.split('/').pop();
    response.headers['content-disposition'] = [
      { key: 'Content-Disposition', value: `attachment; filename*=UTF-8''${name}` },
    ];
  }
  return response;
};
