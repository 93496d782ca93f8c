// fast-jwt with get-jwks, as their READMEs have it: the key of a token is found by its kid, and kept.

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
    async open({ issuer, audience, alg, pem }) {
        const jwks = buildGetJwks({ issuersWhitelist: [issuer] });
        verify = fastJwt.createVerifier({
            key: ({ header }) => PEM[pem](jwks, { domain: issuer, alg: header.alg, kid: header.kid }),
            algorithms: [alg],
            allowedIss: issuer,
            allowedAud: audience,
            requiredClaims: ["exp", "iat", "sub", "aud", "iss", "jti"],
            cache: true,
        });
    },

    verify: ({ token }) => verify(token),
});
