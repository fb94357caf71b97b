// {{summary}}. One instance lives as long as its workflow's version, so it can count.

import { Message } from "tureen:plugin/types@0.1.0";

/** @typedef {import("tureen:plugin/configuring@0.1.0").Configuration} Configuration */

export const identity = {
  name: () => "{{name}}",
  version: () => "0.1.0",
  summary: () => "{{summary}}",
  handles: () => ["{{handles}}"],
};

let greeting = "";
let count = 0;

/**
 * Reads the settings, once. It may call nothing of the host.
 * @param {string} settings
 * @returns {Configuration}
 */
export function configure(settings) {
  greeting = String(JSON.parse(settings).Greeting ?? "message");
  return { findings: [], requires: [] };
}

export const activityStep = {
  /** Before the first message; what is thrown here keeps the workflow from starting. */
  open() {
    count = 0;
  },
  /**
   * Performs the step; the response when there is one.
   * @param {Message} target
   * @returns {Message | undefined}
   */
  process(target) {
    count += 1;
    const response = `${greeting} ${count}: ${target.text("MSH-10")}`;
    return Message.parse("text", new TextEncoder().encode(response));
  },
  allSucceeded() {},
  rollBack() {},
  cancel() {},
  close() {},
};
