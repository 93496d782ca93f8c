// jose's createRemoteJWKSet and jwtVerify, as a resource server uses them.

import { counted, drive } from "./program.mjs";
import * as jose from "jose";

let keys, fetching;

await drive({
    async open({ jwks_uri, ...options }) {
        fetching = counted();
        options[jose.customFetch] = fetching;
        keys = jose.createRemoteJWKSet(new URL(jwks_uri), options);
    },

    async verify({ token, ...demands }) {
        const checked = await jose.jwtVerify(token, keys, { typ: "at+jwt", ...demands });
        return { payload: checked.payload, header: checked.protectedHeader };
    },

    fetches: () => fetching.calls,
    reload: () => keys.reload(),
    kids: () => keys.jwks().keys.map(({ kid }) => kid),
});
