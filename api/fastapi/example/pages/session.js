// A session with tokend: log in, ask with the token, refresh it when it has expired, log out.
//
// The tokens live in this module and nowhere else: what is in a browser's storage can be read by any
// script of the page, at any time. Who reloads the page logs in again.

export class LoggedOut extends Error {}

export class Session {
  #issuer;
  #tokens = null;
  #refreshing = null;

  constructor(issuer) {
    this.#issuer = issuer;
  }

  async logIn(username, password) {
    const answer = await this.#post("/token", { grant_type: "password", username, password });
    if (!answer.ok)
      throw new Error(answer.status < 429 ? "Wrong name or password" : "Try again in a moment");
    this.#tokens = await answer.json();
  }

  // As fetch(). A 401 means that the access token has expired, as a rule: it is refreshed, once.
  async fetch(url, options = {}) {
    if (!this.#tokens)
      throw new LoggedOut();
    const used = this.#tokens.access_token;
    const answer = await this.#fetchWith(used, url, options);
    if (answer.status !== 401)
      return answer;
    // Another request may have refreshed it while this one was on its way.
    if (this.#tokens?.access_token === used)
      await this.#refresh();
    if (!this.#tokens)
      throw new LoggedOut();
    return this.#fetchWith(this.#tokens.access_token, url, options);
  }

  // Requests that find the token expired at the same moment wait for the same refresh.
  #refresh() {
    this.#refreshing ??= this.#refreshOnce().finally(() => { this.#refreshing = null; });
    return this.#refreshing;
  }

  async #refreshOnce() {
    const answer = await this.#post("/refresh", { refresh_token: this.#tokens.refresh_token });
    if (answer.ok)
      this.#tokens = await answer.json();
    else if (answer.status < 429)
      this.#tokens = null; // the session is over
    else
      throw new Error("Try again in a moment");
  }

  // Ends the session at tokend, and so all its tokens.
  async logOut() {
    const tokens = this.#tokens;
    this.#tokens = null;
    if (tokens)
      await this.#post("/revoke", { token: tokens.refresh_token });
  }

  #post(path, form) {
    return fetch(this.#issuer + path, { method: "POST", body: new URLSearchParams(form) });
  }

  #fetchWith(token, url, options) {
    return fetch(url, { ...options, headers: { ...options.headers, Authorization: `Bearer ${token}` } });
  }
}
