// jose's createRemoteJWKSet and jwtVerify, as a resource server uses them.

import { counted, drive } from "./program.mjs";
import * as jose from "jose";

let keys, fetching;

await drive({
    async open({ jwks_uri, ...options }) {
        fetching = counted();
        keys = jose.createRemoteJWKSet(new URL(jwks_uri), { ...options, [jose.customFetch]: fetching });
    },

    async verify({ token, ...demands }) {
        const { payload, protectedHeader } = await jose.jwtVerify(token, keys, { typ: "at+jwt", ...demands });
        return { payload, header: protectedHeader };
    },

    fetches: () => fetching.calls,
    reload: () => keys.reload(),
    kids: () => keys.jwks().keys.map(({ kid }) => kid),
});
