// oauth4webapi: each request and the strict reading of its answer, one by one; and a resource
// server that checks JWT access tokens (RFC 9068) with the key set it finds.

import { counted, drive } from "./program.mjs";
import * as oauth from "oauth4webapi";

const METHODS = {
    client_secret_basic: oauth.ClientSecretBasic,
    client_secret_post: oauth.ClientSecretPost,
    none: oauth.None,
};

let as, client, authentication, options;

async function token(grant, parameters) {
    const answer = await oauth.genericTokenEndpointRequest(
        as, client, authentication, grant, parameters, options);
    return oauth.processGenericTokenEndpointResponse(as, client, answer);
}

await drive({
    async discover({ issuer, id, secret, method, insecure = false }) {
        const url = new URL(issuer);
        options = { [oauth.allowInsecureRequests]: insecure };
        const answer = await oauth.discoveryRequest(url, { ...options, algorithm: "oauth2" });
        as = await oauth.processDiscoveryResponse(url, answer);
        client = { client_id: id };
        authentication = METHODS[method](secret);
        return as;
    },

    password: ({ username, password, scope = "" }) =>
        token("password", { username, password, scope }),

    async refresh({ token }) {
        const answer = await oauth.refreshTokenGrantRequest(
            as, client, authentication, token, options);
        return oauth.processRefreshTokenResponse(as, client, answer);
    },

    async clientCredentials({ scope = "" }) {
        const answer = await oauth.clientCredentialsGrantRequest(
            as, client, authentication, { scope }, options);
        return oauth.processClientCredentialsResponse(as, client, answer);
    },

    async introspect({ token }) {
        const answer = await oauth.introspectionRequest(
            as, client, authentication, token, options);
        return oauth.processIntrospectionResponse(as, client, answer);
    },

    async revoke({ token, hint }) {
        const more = hint ? { token_type_hint: hint } : {};
        const answer = await oauth.revocationRequest(
            as, client, authentication, token, { ...options, additionalParameters: more });
        return oauth.processRevocationResponse(answer);
    },

    async use({ token, url }) {
        const answer = await oauth.protectedResourceRequest(
            token, "GET", new URL(url), undefined, null, options);
        return { status: answer.status, body: await answer.json() };
    },

    // A resource server that has had the key set `jwks` for `age_s` seconds, or none yet.
    async check({ issuer, jwks_uri, token, audience, algorithms, jwks, age_s = 0 }) {
        const fetching = counted();
        const kept = jwks ? { jwks, uat: Math.floor(Date.now() / 1000) - age_s } : {};
        const request = new Request(issuer, { headers: { authorization: `Bearer ${token}` } });
        const claims = await oauth.validateJwtAccessToken({ issuer, jwks_uri }, request, audience, {
            [oauth.allowInsecureRequests]: true,
            [oauth.customFetch]: fetching,
            [oauth.jwksCache]: kept,
            signingAlgorithms: algorithms,
        });
        return { claims, fetches: fetching.calls, kids: kept.jwks.keys.map(({ kid }) => kid) };
    },
});
