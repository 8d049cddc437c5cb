// Issues tokens with jose, and verifies none: node token.js issuer audience
// The output is a JSON object {jwks, tokens: {RS256: "…", …}}.

import { exportJWK, generateKeyPair, SignJWT } from 'jose';

const [issuer, audience] = process.argv.slice(2);
const keys = [];
const tokens = {};
for (const alg of ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'PS256', 'EdDSA']) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  keys.push({ ...(await exportJWK(publicKey)), kid: alg, alg, use: 'sig' });
  tokens[alg] = await new SignJWT({ scope: 'orders:read', 'cognito:groups': ['a', 'b'] })
    .setProtectedHeader({ alg, kid: alg, typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject('u1')
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(privateKey);
}
console.log(JSON.stringify({ jwks: { keys }, tokens }));
