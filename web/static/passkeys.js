// A form with data-options asks there what a device shall sign, has it signed, and sends the answer with itself.
const bytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
const described = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

async function ceremony(form) {
  const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value });
  const answer = await fetch(form.dataset.options, { method: "POST", body, redirect: "manual" });
  if (answer.type === "opaqueredirect") return location.assign("/again?back=/account");
  if (!answer.ok) throw new Error("This did not work; load the page again.");
  const options = await answer.json();
  options.challenge = bytes(options.challenge);
  return form.dataset.act === "create" ? create(options) : prove(options);
}

async function create(options) {
  options.user.id = bytes(options.user.id);
  options.excludeCredentials = described(options.excludeCredentials);
  const made = await navigator.credentials.create({ publicKey: options });
  const { clientDataJSON, attestationObject } = made.response;
  return wrapped(made, { clientDataJSON: text(clientDataJSON), attestationObject: text(attestationObject) });
}

async function prove(options) {
  options.allowCredentials = described(options.allowCredentials);
  const made = await navigator.credentials.get({ publicKey: options });
  const { clientDataJSON, authenticatorData, signature } = made.response;
  return wrapped(made, {
    clientDataJSON: text(clientDataJSON),
    authenticatorData: text(authenticatorData),
    signature: text(signature),
  });
}

const wrapped = (made, response) => ({ id: made.id, rawId: text(made.rawId), type: made.type, response });

for (const form of document.querySelectorAll("form[data-options]")) {
  form.hidden = !window.PublicKeyCredential;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const problem = form.querySelector("[role=alert]");
    try {
      const made = await ceremony(form);
      if (!made) return;
      form.elements.credential.value = JSON.stringify(made);
      form.submit();
    } catch (error) {
      problem.textContent = error.name === "NotAllowedError" ? form.dataset.nothing : error.message;
      problem.hidden = false;
    }
  });
}
