// fast-jwt with get-jwks, as their READMEs have it: a key is found by the kid of a token, and kept.

import { createPublicKey } from "node:crypto";
import { drive } from "./program.mjs";
import fastJwt from "fast-jwt";
import buildGetJwks from "get-jwks";

// get-jwks makes PEM of RSA and EC keys; node makes PEM of all of them.
const PEM = {
    "get-jwks": (jwks, wanted) => jwks.getPublicKey(wanted),
    node: async (jwks, wanted) => {
        const key = createPublicKey({ key: await jwks.getJwk(wanted), format: "jwk" });
        return key.export({ type: "spki", format: "pem" });
    },
};

let verify;

await drive({
    async open({ issuer, audience, algorithm, pem }) {
        const jwks = buildGetJwks({ issuersWhitelist: [issuer] });
        verify = fastJwt.createVerifier({
            key: ({ header: { alg, kid } }) => PEM[pem](jwks, { domain: issuer, alg, kid }),
            algorithms: [algorithm],
            allowedIss: issuer,
            allowedAud: audience,
            requiredClaims: ["exp", "iat", "sub", "aud", "iss", "jti"],
            cache: true,
        });
    },

    verify: ({ token }) => verify(token),
});
