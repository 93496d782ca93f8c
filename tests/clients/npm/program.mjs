// What the programs beside this file are made of: a table of actions, driven by lines of JSON.
//
// The first argument is the settings. Each line of standard input is {"do": ACTION, ...arguments}; for each
// there is one line of output, {"done": RESULT} or {"thrown": {name, code, message, ...}}.

import { webcrypto } from "node:crypto";
import { createInterface } from "node:readline";

// The libraries want what node has by itself from version 20 on. Import this file first.
globalThis.crypto ??= webcrypto;

export const settings = JSON.parse(process.argv[2]);

// What libraries say in their errors, beside the message.
const TOLD = ["name", "code", "message", "error", "error_description", "status", "claim", "reason"];

function thrown(error) {
    const told = Object.fromEntries(TOLD.map((name) => [name, error[name]]));
    return error.cause instanceof Error ? { ...told, cause: thrown(error.cause) } : { ...told, cause: error.cause };
}

export async function drive(actions) {
    for await (const line of createInterface({ input: process.stdin })) {
        const { do: action, ...given } = JSON.parse(line);
        const told = await actions[action](given).then((done) => ({ done }), (error) => ({ thrown: thrown(error) }));
        process.stdout.write(JSON.stringify(told) + "\n");
    }
}
