// A Lambda authorizer as AWS's documentation has it, for event format 2.0: who has the token may pass, and the functions
// and services behind Traefik are told who that is. The result is kept for the token, whatever is asked for with it.
const users = new Map([
  ['Bearer secret-of-alice', { user: 'alice', role: 'admin' }],
  ['Bearer secret-of-bob', { user: 'bob', role: 'reader' }],
]);

export const handler = async (event) => {
  const [token] = event.identitySource;
  const context = users.get(token);
  return context ? { isAuthorized: true, context } : { isAuthorized: false };
};
