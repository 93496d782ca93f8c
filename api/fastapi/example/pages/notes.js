// The page: what is seen of a session.
import { LoggedOut, Session } from "/pages/session.js";

const at = id => document.getElementById(id);
const { issuer } = await (await fetch("/config")).json();
const session = new Session(issuer);
let me = null;

async function api(method, path, body) {
  const answer = await session.fetch(path, {
    method,
    headers: body ? { "Content-Type": "application/json" } : {},
    body: body && JSON.stringify(body),
  });
  const told = answer.status === 204 ? null : await answer.json();
  if (!answer.ok)
    throw new Error(typeof told.detail === "string" ? told.detail : "That is not a note");
  return told;
}

const own = (rest = "") => `/users/${encodeURIComponent(me.user_id)}/notes${rest}`;

function item(note) {
  const li = document.createElement("li");
  const text = document.createElement("span");
  text.textContent = note.text;
  const button = document.createElement("button");
  button.textContent = "Remove";
  button.onclick = () => doing(async () => {
    await api("DELETE", own(`/${note.id}`));
    await show();
  });
  li.append(text, button);
  return li;
}

async function show() {
  at("notes").replaceChildren(...(await api("GET", own())).map(item));
}

function inside(user) {
  me = user;
  at("inside").hidden = !me;
  at("login").hidden = !!me;
  at("who").textContent = me ? me.username : "";
  at("notes").replaceChildren();
}

// Whatever goes wrong is said, and whoever is logged out sees the form again.
async function doing(what) {
  at("message").textContent = "";
  try {
    await what();
  } catch (error) {
    if (error instanceof LoggedOut)
      inside(null);
    at("message").textContent = error instanceof LoggedOut ? "Please log in" : error.message;
  }
}

at("login").onsubmit = event => {
  event.preventDefault();
  const form = event.target;
  doing(async () => {
    await session.logIn(form.username.value, form.password.value);
    form.reset();
    inside(await api("GET", "/me"));
    await show();
  });
};

at("add").onsubmit = event => {
  event.preventDefault();
  const form = event.target;
  doing(async () => {
    await api("POST", own(), { text: form.text.value });
    form.reset();
    await show();
  });
};

at("logout").onclick = () => doing(async () => {
  inside(null);
  await session.logOut();
});
