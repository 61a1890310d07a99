// Times on a form are in the reader's own zone: saved ones, which come in UTC, are turned into it.
"use strict";
(() => {
  const select = document.getElementById("zone");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!select || select.dataset.typed || !own) return;
  if (![...select.options].some((one) => one.value === own)) select.add(new Option(own.replaceAll("_", " "), own), 0);
  select.value = own;
  for (const input of document.querySelectorAll("[data-utc]")) {
    if (!input.value) continue;
    const at = new Date(`${input.value}Z`);
    input.value = new Date(at.getTime() - at.getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  }
})();
