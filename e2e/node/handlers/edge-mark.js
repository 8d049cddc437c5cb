// A response hook that names itself and its event in a header, and a request hook that does so for the origin.
export const handler = async (event) => {
  const { config, request, response } = event.Records[0].cf;
  const changed = response ?? request;
  changed.headers[`x-${config.eventType}`] = [{ value: config.requestId }];
  return changed;
};
