import { domainToASCII } from "node:url";
import { z } from "zod";
import { limits } from "./limits.js";
import { isWellFormed } from "./text.js";

/** RFC 5322's atext, and beyond ASCII what RFC 6531 adds, without what nobody sees: spaces, controls, directions. */
const atoms =
  /^(?:[a-z0-9!#$%&'*+/=?^_`{|}~-]|[^\p{ASCII}\p{C}\p{Z}])+(?:\.(?:[a-z0-9!#$%&'*+/=?^_`{|}~-]|[^\p{ASCII}\p{C}\p{Z}])+)*$/u;
/** Characters of a domain before UTS 46 maps it: letters, digits, and the marks of RFC 5892's contextual rules. */
const domainText = /^(?:[\p{L}\p{M}\p{N}.\u3002\uff0e\uff61\u00b7\u0375\u05f3\u05f4\u30fb\u200c-]|\u200d)+$/u;
const label = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$/;
/** Octets, RFC 5321 section 4.5.3.1.1. */
const maxLocalPart = 64;
/** Characters of a label, RFC 1035 section 2.3.4. */
const maxLabel = 63;

/**
 * The one spelling of a deliverable address: trimmed, NFC, lower case, the domain in its ASCII form (UTS 46, as browsers
 * write it). `undefined` for anything else. Quoted local parts and address literals are refused: RFC 5321 section 4.1.2
 * advises against the former, and nobody has a mailbox at the latter.
 *
 * Source: RFC 5321 section 4.1.2, RFC 6531 section 3.3, RFC 5890.
 */
export function canonicalEmail(value: string): string | undefined {
  if (value.length > 4 * limits.email || !isWellFormed(value)) return undefined;
  const text = value.trim().normalize("NFC").toLowerCase().normalize("NFC");
  const at = text.lastIndexOf("@");
  const local = text.slice(0, at);
  if (at < 1 || Buffer.byteLength(local) > maxLocalPart || !atoms.test(local)) return undefined;
  const domain = canonicalDomain(text.slice(at + 1));
  if (!domain) return undefined;
  const address = `${local}@${domain}`;
  return Buffer.byteLength(address) <= limits.email ? address : undefined;
}

function canonicalDomain(text: string): string | undefined {
  if (!domainText.test(text)) return undefined;
  const labels = domainToASCII(text).split(".");
  const isDomain = labels.length > 1 && labels.every((one) => one.length <= maxLabel && label.test(one));
  // A last label of digits is an address's, however it is written.
  return isDomain && !/^\d+$/.test(labels.at(-1) ?? "") ? labels.join(".") : undefined;
}

/**
 * One person, one spelling: of an email address what {@link canonicalEmail} says, of a username the trimmed text in NFC
 * and lower case.
 */
export function normaliseIdentifier(value: string): string {
  return canonicalEmail(value) ?? value.trim().normalize("NFC").toLowerCase();
}

// Dot-atom and labels of RFC 5321 and 6531; what UTS 46 refuses beyond that no pattern can say.
const localPart = '[^\\s@"(),:;<>\\[\\]\\\\.\\u0000-\\u001f\\u007f]+';
const domainLabel =
  "[A-Za-z0-9\\u00a1-\\uffff]([A-Za-z0-9\\u00a1-\\uffff-]{0,40}[A-Za-z0-9\\u00a1-\\uffff])?";
const emailPattern = `^(?=[^@]{1,64}@)${localPart}(\\.${localPart})*@(${domainLabel}\\.)+[A-Za-z\\u00a1-\\uffff]([A-Za-z0-9-]{0,20}[A-Za-z0-9])$`;

export const emailSchema = z
  .string()
  .transform((address, context) => {
    const canonical = canonicalEmail(address);
    if (canonical) return canonical;
    context.addIssue({ code: "custom", message: "must be an email address" });
    return z.NEVER;
  })
  .meta({ format: "idn-email", minLength: 3, maxLength: limits.email, pattern: emailPattern })
  .describe("Email address; compared trimmed, NFC, in lower case and with its domain in ASCII");
