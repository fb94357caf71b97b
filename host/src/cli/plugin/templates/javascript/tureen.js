// What a step throws and what `configure` answers, in few words. The shapes are
// those of wit/types.wit; `npm run types` writes them as TypeScript.

/** @typedef {import("tureen:plugin/types@0.1.0").Problem} Problem */
/** @typedef {import("tureen:plugin/types@0.1.0").StepError} StepError */
/** @typedef {import("tureen:plugin/configuring@0.1.0").Finding} Finding */

/**
 * @param {string} code dotted and lower-case: "phone.path"
 * @param {string} text for a person; never message content
 * @param {string} [place] a path in the message, or a JSON pointer into the settings
 * @returns {Problem}
 */
function problem(code, text, place) {
  return { code, text, place, detail: [] };
}

/**
 * To be thrown: the message is at fault, its sender is told no (AR).
 * @param {string} code
 * @param {string} text
 * @param {string} [place]
 * @returns {StepError}
 */
export function rejected(code, text, place) {
  return { tag: "rejected", val: problem(code, text, place) };
}

/**
 * To be thrown: this step or its settings are at fault (AE).
 * @param {string} code
 * @param {string} text
 * @param {string} [place]
 * @returns {StepError}
 */
export function failed(code, text, place) {
  return { tag: "failed", val: problem(code, text, place) };
}

/**
 * To be thrown: something outside is at fault and may recover.
 * @param {string} code
 * @param {string} text
 * @param {number} [afterMs] when it may work again
 * @returns {StepError}
 */
export function retryable(code, text, afterMs) {
  return { tag: "retryable", val: [problem(code, text), afterMs] };
}

/**
 * One thing that is wrong with the settings.
 * @param {"error" | "warning"} severity
 * @param {string} code
 * @param {string} text
 * @param {string} pointer JSON pointer: "/MinimumAge"
 * @returns {Finding}
 */
export function finding(severity, code, text, pointer) {
  return { severity, problem: problem(code, text, pointer) };
}
