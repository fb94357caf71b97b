// {{summary}}: of the places that a path means, only the digits stay.
//
// A workflow uses it in one of two ways. A `CustomTransformerAction` gives the path as
// a parameter and has no settings; a setting of this class, which `Transformers` links
// to, has it in its settings.

import { get as parameter } from "tureen:plugin/parameters@0.1.0";
import { failed, finding } from "./tureen.js";

/** @typedef {import("tureen:plugin/types@0.1.0").Message} Message */
/** @typedef {import("tureen:plugin/configuring@0.1.0").Configuration} Configuration */

export const identity = {
  name: () => "{{name}}",
  version: () => "0.1.0",
  summary: () => "{{summary}}",
  handles: () => ["{{handles}}"],
};

/** @type {string | undefined} */
let path;

/**
 * Reads the settings, once. What is wrong with them is told at its place in the
 * workflow file. It may call nothing of the host.
 * @param {string} settings
 * @returns {Configuration}
 */
export function configure(settings) {
  path = JSON.parse(settings).Path;
  if (path === undefined || typeof path === "string") return { findings: [], requires: [] };
  const wrong = finding("error", "path.kind", "expected a text", "/Path");
  return { findings: [wrong], requires: [] };
}

export const transformerStep = {
  /** @param {Message} target */
  transform(target) {
    const pattern = parameter("Path") ?? path;
    if (pattern === undefined) {
      throw failed("path.missing", "expected a path: as parameter Path, or as setting Path");
    }
    for (const place of target.find(pattern)) {
      target.set(place, target.text(place).replace(/\D/g, ""));
    }
  },
};
