// Which number for this contact? Asks the dispatcher, and asks again under the same key: a contact is counted once.
//
//     node picks.mjs http://127.0.0.1:8095/v1/namespaces/default/rotationsets/outbound +14155550123
//
// Node 18 or newer, no package: copy it.
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const PAUSES = [200, 500, 1000, 2000]; // milliseconds before each further try
const PASSING = [421, 500, 502, 503, 504]; // the dispatcher changes hands, or its ledger is away

/** Not now, or never: `problem` is the document (RFC 9457), which has `type`, `detail` and perhaps `notBefore`. */
export class Refused extends Error {
  constructor(problem) {
    super(problem.detail ?? "refused");
    this.problem = problem;
  }
}

/** Picks of one rotation set. `tokenFile`: the caller's token, read each time, for it is exchanged now and then. */
export class Picks {
  constructor(rotationSet, tokenFile) {
    this.url = rotationSet.replace(/\/$/, "");
    this.tokenFile = tokenFile;
  }

  /** `status` is "picked", and `number` to be used now; or "deferred": ask again from `notBefore` on.
   *  `key`: your id of this contact, so that a program that was restarted gets the same answer. */
  pick(to, key = randomUUID(), wishes = {}) {
    return this.#ask("POST", "/picks", { to, ...wishes }, key);
  }

  /** The number was not used: its room is free again. */
  giveBack(pickId) {
    return this.#ask("DELETE", `/picks/${pickId}`);
  }

  async #ask(method, path, body, key) {
    const headers = { "Content-Type": "application/json", ...(key && { "Idempotency-Key": key }) };
    if (this.tokenFile) headers.Authorization = `Bearer ${(await readFile(this.tokenFile, "utf8")).trim()}`;
    const request = { method, headers, body: body && JSON.stringify(body) };
    for (const wait of [...PAUSES, null]) {
      try {
        const reply = await fetch(this.url + path, { ...request, signal: AbortSignal.timeout(5000) });
        const text = await reply.text();
        if (reply.ok) return text ? JSON.parse(text) : null;
        if (wait === null || !PASSING.includes(reply.status)) throw new Refused(problemIn(reply, text));
      } catch (error) {
        if (wait === null || error instanceof Refused) throw error;
      }
      await pause(wait);
    }
  }
}

function problemIn(reply, text) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: `The answer is ${reply.status}.` }; // somebody between the dispatcher and us answers
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [rotationSet, to, tokenFile] = process.argv.slice(2);
  console.log(JSON.stringify(await new Picks(rotationSet, tokenFile).pick(to)));
}
