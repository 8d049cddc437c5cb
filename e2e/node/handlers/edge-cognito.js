// Lets signed-in users pass and sends all others to Cognito. The keys of the user pool are in JWKS, since there is no
// pool to fetch them from.
import { Authenticator } from 'cognito-at-edge';

const authenticator = new Authenticator({
  region: 'us-east-1',
  userPoolId: 'us-east-1_example',
  userPoolAppId: 'client',
  userPoolDomain: 'example.auth.us-east-1.amazoncognito.com',
  logLevel: 'silent',
});
authenticator._jwtVerifier.cacheJwks(JSON.parse(process.env.JWKS));

export const handler = (event) => authenticator.handle(event);
