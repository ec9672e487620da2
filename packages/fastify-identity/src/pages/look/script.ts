/**
 * The script of the pages: shows a password, keeps a form from being sent twice, and asks for passkeys. But for these every
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
for (const form of document.querySelectorAll("form[method=post]:not([data-download],[data-passkey],[data-auto])")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    busy(form, "true");
    for (const field of form.querySelectorAll("input[data-secret]")) field.type = "password";
  });
}
for (const form of document.querySelectorAll("form[data-auto]")) form.submit();
const ask = async (form) => {
  const { passkey: ceremony, options, from } = form.dataset;
  let given = { options: options && JSON.parse(options) };
  if (from) {
    const body = new URLSearchParams({ form_token: form.elements.form_token.value });
    const answer = await fetch(from, { method: "POST", body });
    if (answer.redirected) return location.assign(answer.url);
    given = await answer.json();
  }
  const parse = ceremony === "get" ? "parseRequestOptionsFromJSON" : "parseCreationOptionsFromJSON";
  const credential = await navigator.credentials[ceremony]({ publicKey: PublicKeyCredential[parse](given.options) });
  form.elements.response.value = JSON.stringify(credential);
  form.elements.attempt.value = given.attempt ?? "";
  form.submit();
};
for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON) break;
  form.hidden = false;
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
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    busy(form, "false");
  }
});
`;
