// Before anything is drawn: colours as the reader chose, or as the device prefers.
"use strict";
(() => {
  const page = document.documentElement;
  if (page.dataset.theme !== "auto") return;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const dress = () => page.setAttribute("data-bs-theme", dark.matches ? "dark" : "light");
  dress();
  dark.addEventListener("change", dress);
})();
