// openid-client as its README has it: discovery of RFC 8414, then each grant that tokend offers.

import { drive } from "./program.mjs";
import * as client from "openid-client";

const METHODS = {
    client_secret_basic: client.ClientSecretBasic,
    client_secret_post: client.ClientSecretPost,
    none: client.None,
};

let config;

function granted(tokens) {
    return { ...tokens, expiresIn: tokens.expiresIn() };
}

await drive({
    async discover({ issuer, id, secret, method, insecure }) {
        config = await client.discovery(new URL(issuer), id, undefined, METHODS[method](secret), {
            algorithm: "oauth2",
            execute: insecure ? [client.allowInsecureRequests] : [],
        });
        return config.serverMetadata();
    },

    async password({ username, password, scope = "" }) {
        const parameters = { username, password, scope };
        return granted(await client.genericGrantRequest(config, "password", parameters));
    },

    async refresh({ token, scope = "" }) {
        return granted(await client.refreshTokenGrant(config, token, { scope }));
    },

    async clientCredentials({ scope = "" }) {
        return granted(await client.clientCredentialsGrant(config, { scope }));
    },

    introspect: ({ token }) => client.tokenIntrospection(config, token),

    revoke: ({ token, hint }) =>
        client.tokenRevocation(config, token, hint && { token_type_hint: hint }),

    async use({ token, url }) {
        const answer = await client.fetchProtectedResource(config, token, new URL(url), "GET");
        return { status: answer.status, body: await answer.json() };
    },
});
