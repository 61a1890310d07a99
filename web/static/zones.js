// Times on a form that holds none yet are in the reader's own zone.
"use strict";
(() => {
  const select = document.getElementById("zone");
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!select || select.dataset.kept || !own) return;
  if (![...select.options].some((one) => one.value === own)) select.add(new Option(own.replaceAll("_", " "), own), 0);
  select.value = own;
})();
