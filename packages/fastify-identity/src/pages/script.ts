/**
 * The script of the pages: shows a password, and keeps a form from being sent twice. Every page works without it.
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
for (const form of document.querySelectorAll("form[method=post]:not([data-download])")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    busy(form, "true");
    for (const field of form.querySelectorAll("input[data-secret]")) field.type = "password";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
    busy(form, "false");
  }
});
`;
