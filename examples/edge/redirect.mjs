// viewer-request: sends clients from /old/… to where the pages are now, without asking the origin.
export const handler = async (event) => {
  const { request } = event.Records[0].cf;
  if (!request.uri.startsWith('/old/')) {
    return request;
  }
  const query = request.querystring && `?${request.querystring}`;
  return {
    status: '301',
    statusDescription: 'Moved Permanently',
    headers: {
      location: [{ key: 'Location', value: request.uri.slice('/old'.length) + query }],
      'cache-control': [{ key: 'Cache-Control', value: 'max-age=3600' }],
    },
  };
};
