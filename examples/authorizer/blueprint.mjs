// A REST API's TOKEN authorizer in the shape of AWS's blueprint: a policy for the methods that the caller may use. It is
// kept for the token, and evaluated for each request.
export const handler = async (event) => {
  const role = { 'Bearer secret-of-alice': 'admin', 'Bearer secret-of-bob': 'reader' }[event.authorizationToken];
  if (!role) {
    throw new Error('Unauthorized'); // the client gets 401
  }
  // arn:aws:execute-api:region:account:api/stage/method/path
  const api = event.methodArn.split('/').slice(0, 2).join('/');
  return {
    principalId: role,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'execute-api:Invoke', Resource: role === 'admin' ? `${api}/*` : `${api}/GET/*` },
        // With the * at its end, lest a slash at the end of the path lead around it.
        { Effect: 'Deny', Action: 'execute-api:Invoke', Resource: `${api}/*/internal*` },
      ],
    },
    context: { role },
  };
};
