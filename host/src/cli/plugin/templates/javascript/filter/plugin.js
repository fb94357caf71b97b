// {{summary}}: a message goes on when the value at a place is one of a list.

import { finding } from "./tureen.js";

/** @typedef {import("tureen:plugin/types@0.1.0").Message} Message */
/** @typedef {import("tureen:plugin/configuring@0.1.0").Configuration} Configuration */
/** @typedef {import("tureen:plugin/filter-step@0.1.0").Verdict} Verdict */

export const identity = {
  name: () => "{{name}}",
  version: () => "0.1.0",
  summary: () => "{{summary}}",
  handles: () => ["{{handles}}"],
};

let path = "";
/** @type {string[]} */
let values = [];

/**
 * Reads the settings, once. What is wrong with them is told at its place in the
 * workflow file. It may call nothing of the host.
 * @param {string} settings
 * @returns {Configuration}
 */
export function configure(settings) {
  const { Path = "", Values = "" } = JSON.parse(settings);
  path = String(Path);
  values = String(Values).split(",").map((value) => value.trim());
  const findings = [];
  if (path === "") findings.push(finding("error", "path.missing", "expected a path", "/Path"));
  if (values.includes("")) {
    const text = "expected values with commas between them, such as A01, A04";
    findings.push(finding("error", "values.list", text, "/Values"));
  }
  return { findings, requires: [] };
}

export const filterStep = {
  /**
   * @param {Message} target
   * @returns {Verdict}
   */
  decide(target) {
    if (values.includes(target.text(path))) return { tag: "pass" };
    // The reason is logged: it may hold the path, and nothing of the message.
    return { tag: "stop", val: `${path} is none of the values` };
  },
};
