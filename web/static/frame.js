// The menu of a phone, filters that apply themselves, and the focus after a form was refused.
"use strict";
(() => {
  const toggle = document.querySelector(".side-toggle");
  toggle?.addEventListener("click", () => {
    const open = toggle.getAttribute("aria-expanded") !== "true";
    toggle.setAttribute("aria-expanded", String(open));
    document.body.classList.toggle("menu-open", open);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches(".filters select")) event.target.form.requestSubmit();
  });
  document.querySelector(".side nav [aria-current]")?.scrollIntoView({ block: "nearest" });
  document.querySelector(".stages [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  document.getElementById("problems")?.focus();
})();
