// What the programs beside this file are made of: a table of actions, driven by lines of JSON.
//
// Each line of standard input is {"do": ACTION, ...arguments}. For each there is one line of
// output, {"done": RESULT} or {"thrown": {name, code, message, ...}}.

import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";

// The libraries want what node has by itself from version 20 on: this file is imported before them.
globalThis.crypto ??= webcrypto;

// What the libraries say in their errors.
const TOLD = ["name", "code", "message", "error", "error_description", "status", "claim"];

async function thrown(error) {
    const told = Object.fromEntries(TOLD.map((name) => [name, error[name]]));
    const { cause, response } = error;
    told.cause = cause instanceof Error ? await thrown(cause) : cause;
    // Where the library has not read the answer, the application may.
    told.body = response && !response.bodyUsed ? await response.json() : undefined;
    return told;
}

async function outcome(action, given) {
    try {
        return { done: (await action(given)) ?? null };
    } catch (error) {
        return { thrown: await thrown(error) };
    }
}

export async function drive(actions) {
    for await (const line of createInterface({ input: process.stdin })) {
        const { do: name, ...given } = JSON.parse(line);
        process.stdout.write(JSON.stringify(await outcome(actions[name], given)) + "\n");
    }
}

// fetch, which counts what it is asked for.
export function counted() {
    const counting = (...asked) => {
        counting.calls++;
        return fetch(...asked);
    };
    counting.calls = 0;
    return counting;
}
