// Writes telephone numbers in international form: "(030) 555-0142" of a German
// hospital becomes "+49305550142". Parameters: `Path`, a place or a pattern
// ("PID-13[*]"), and `Country`, the country's calling code ("49").

import { get as parameter } from "tureen:plugin/parameters@0.1.0";
import { failed, rejected } from "./tureen.js";

/** @typedef {import("tureen:plugin/types@0.1.0").Message} Message */

export const identity = {
  name: () => "phone-numbers",
  version: () => "0.1.0",
  summary: () => "Writes telephone numbers in international form",
  handles: () => ["Example.PhoneNumbers"],
};

/** A custom transformer has parameters, no settings: nothing can be wrong here. */
export function configure() {
  return { findings: [], requires: [] };
}

export const transformerStep = {
  /** @param {Message} target */
  transform(target) {
    const path = required("Path");
    const country = required("Country");
    if (!/^[1-9]\d{0,2}$/.test(country)) {
      throw failed("phone.country", "expected Country to be a calling code of one to three digits");
    }
    for (const place of target.find(path)) {
      const written = target.text(place);
      if (written !== "") target.set(place, international(written, country, place));
    }
  },
};

/** @param {string} name */
function required(name) {
  const value = parameter(name);
  if (value === undefined) throw failed("phone.parameter", `expected a parameter ${name}`);
  return value;
}

/**
 * @param {string} written
 * @param {string} country
 * @param {string} place
 */
function international(written, country, place) {
  const digits = written.replace(/[\s().\/-]/g, "");
  if (!/^\+?\d{3,20}$/.test(digits)) {
    // The text says the shape, never the number: it may be logged.
    throw rejected("phone.number", "expected digits with blanks, brackets and dashes", place);
  }
  if (digits.startsWith("+")) return digits;
  if (digits.startsWith("00")) return `+${digits.slice(2)}`;
  return `+${country}${digits.replace(/^0/, "")}`;
}
