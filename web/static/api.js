// Try an operation of the API from its page, with a key that stays in the page.
"use strict";
(() => {
  document.getElementById("api-key")?.addEventListener("submit", (event) => event.preventDefault());
  const send = async (form) => {
    const key = document.getElementById("key").value.trim();
    const headers = { Accept: "application/json", Authorization: `Bearer ${key}` };
    const request = { method: form.dataset.method, headers, credentials: "omit", redirect: "error" };
    if (form.elements.body) {
      headers["Content-Type"] = "application/json";
      request.body = form.elements.body.value;
    }
    const path = form.elements.path.value;
    if (!path.startsWith("/api/v1/")) return "The address must begin with /api/v1/.";
    const answer = await fetch(path, request);
    const text = await answer.text();
    try { return `${answer.status}\n${JSON.stringify(JSON.parse(text), null, 2)}`; } catch { return `${answer.status}\n${text}`; }
  };
  document.addEventListener("submit", async (event) => {
    if (!event.target.matches(".api-try")) return;
    event.preventDefault();
    const shown = document.createElement("pre");
    try { shown.textContent = await send(event.target); } catch (error) { shown.textContent = `No answer: ${error.message}`; }
    event.target.querySelector("output").replaceChildren(shown);
  });
})();
