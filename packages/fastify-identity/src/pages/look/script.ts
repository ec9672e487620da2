/**
 * The script of the pages: shows a password, keeps a form from being sent twice, follows a list, and asks for passkeys. But for these every
 * page works without it.
 * The back button may show a page from memory: then its buttons must work again.
 */
export const script = `
for (const button of document.querySelectorAll("button[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.parentElement.classList.add("ready");
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.textContent = shown ? button.dataset.hide : button.dataset.show;
    field.focus();
  });
}
const busy = (form, is) => {
  for (const button of form.querySelectorAll("button:not([type=button])")) button.setAttribute("aria-busy", is);
};
for (const form of document.querySelectorAll("form[method=post]:not([data-download],[data-progress],[data-passkey],[data-auto])")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    busy(form, "true");
    for (const field of form.querySelectorAll("input[data-secret]")) field.type = "password";
  });
}
for (const form of document.querySelectorAll("form[data-auto]")) form.submit();
const optionsOf = async ({ dataset: { options }, elements }) => {
  const body = new URLSearchParams({ form_token: elements.form_token.value });
  const answer = await fetch(options, { method: "POST", body });
  if (answer.redirected) location.assign(answer.url);
  if (answer.redirected || !answer.ok) throw new Error("no options");
  return answer.json();
};
// Objects that a password manager puts in the browser's place may have no toJSON, or one that fails.
const base64url = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
const byHand = ({ id, rawId, type, authenticatorAttachment, response }) => {
  const names = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"];
  const given = names.filter((name) => response[name]).map((name) => [name, base64url(response[name])]);
  const transports = response.getTransports?.();
  const parts = { ...Object.fromEntries(given), ...(transports && { transports }) };
  return { id, rawId: base64url(rawId), type, authenticatorAttachment, response: parts, clientExtensionResults: {} };
};
const written = (credential) => {
  try {
    const json = credential.toJSON();
    if (json.response.clientDataJSON) return JSON.stringify(json);
  } catch {}
  return JSON.stringify(byHand(credential));
};
// A browser takes one ceremony at a time: the one that waits for autofill makes room.
let waiting;
const ceremony = async (form, { options, attempt }, more) => {
  const parse = form.dataset.passkey === "get" ? "parseRequestOptionsFromJSON" : "parseCreationOptionsFromJSON";
  const publicKey = PublicKeyCredential[parse](options);
  const credential = await navigator.credentials[form.dataset.passkey]({ publicKey, ...more });
  form.elements.response.value = written(credential);
  form.elements.attempt.value = attempt ?? "";
  form.submit();
};
const ask = async (form) => {
  waiting?.abort();
  await ceremony(form, await optionsOf(form));
};
// Autofill waits as long as the page is open, and its options are good for minutes: they are renewed before.
const autofill = async (form) => {
  // Before anything is awaited: who presses the button meanwhile ends this one too.
  const mine = new AbortController();
  waiting = mine;
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.()) || mine.signal.aborted) return;
  const given = await optionsOf(form);
  if (mine.signal.aborted) return;
  const renewal = setTimeout(() => mine.abort("renew"), (given.options.timeout ?? 60000) * 0.75);
  try {
    await ceremony(form, given, { mediation: "conditional", signal: mine.signal });
  } finally {
    clearTimeout(renewal);
    if (mine.signal.reason === "renew") autofill(form).catch(() => {});
  }
};
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) break;
  form.hidden = false;
  if ("autofill" in form.dataset) autofill(form).catch(() => {});
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const failed = form.querySelector("p.error[role=alert]");
    failed.hidden = true;
    busy(form, "true");
    ask(form)
      .catch(() => { failed.hidden = false; })
      .finally(() => busy(form, "false"));
  });
}
// The answer is lines: texts as it goes on, and the result. Without an answer of that kind the form is sent as it is.
const linesOf = async function* (stream) {
  let text = "";
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (text + read.value).split("\\n");
    text = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
};
const advance = async (form) => {
  const type = "application/x-ndjson";
  const body = new URLSearchParams(new FormData(form));
  const answer = await fetch(form.action, { method: "POST", headers: { accept: type }, body });
  if (!answer.headers.get("content-type")?.startsWith(type)) return form.submit();
  const shown = form.querySelector("[data-progress-text]");
  let ended = false;
  for await (const { text, html } of linesOf(answer.body)) {
    ended = html !== undefined;
    if (ended) shown.innerHTML = html;
    else shown.textContent = text;
  }
  if (!ended) throw new Error("cut");
};
for (const form of document.querySelectorAll("form[data-progress]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const failed = form.querySelector("p.error[role=alert]");
    failed.hidden = true;
    if (form.dataset.sent) return;
    form.dataset.sent = "yes";
    busy(form, "true");
    advance(form)
      .catch(() => { failed.hidden = false; })
      .finally(() => {
        delete form.dataset.sent;
        busy(form, "false");
      });
  });
}
// A list whose new rows come by themselves. A row may come twice, and later than a newer one.
for (const list of document.querySelectorAll("ul[data-live]")) {
  const rows = new EventSource(list.dataset.live);
  const say = (state) => {
    for (const text of document.querySelectorAll("[data-live-state]")) text.hidden = text.dataset.liveState !== state;
  };
  rows.addEventListener("open", () => say("open"));
  rows.addEventListener("error", () => say(rows.readyState === EventSource.CLOSED ? "closed" : "waiting"));
  rows.addEventListener("end", ({ data }) => {
    if (JSON.parse(data).reason !== "ended") return;
    rows.close();
    say("closed");
  });
  rows.addEventListener("row", ({ data }) => {
    const { id, at, html } = JSON.parse(data);
    if (document.getElementById("event-" + id)) return;
    const row = document.createElement("template");
    row.innerHTML = html;
    list.insertBefore(row.content, [...list.children].find((other) => Number(other.dataset.at) <= at) ?? null);
    list.hidden = false;
    for (const none of document.querySelectorAll("[data-live-none]")) none.hidden = true;
    // Who reads a row that goes would lose the place.
    if (list.children.length > 200 && !list.lastElementChild.contains(document.activeElement)) list.lastElementChild.remove();
  });
}
// How far something has come; at last there is a link to what came of it.
for (const shown of document.querySelectorAll("[data-follow]")) {
  const steps = new EventSource(shown.dataset.follow);
  const show = ({ data }) => { shown.innerHTML = JSON.parse(data).html; };
  steps.addEventListener("progress", show);
  steps.addEventListener("over", (message) => {
    steps.close();
    show(message);
  });
  steps.addEventListener("end", ({ data }) => {
    if (JSON.parse(data).reason === "ended") steps.close();
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    busy(form, "false");
  }
});
`;
