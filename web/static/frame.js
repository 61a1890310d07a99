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
  // By hand: scrollIntoView would take the place from which Tab goes on along.
  const reveal = (box) => {
    const here = box.querySelector("[aria-current]");
    if (!here) return;
    const [is, sees] = [here.getBoundingClientRect(), box.getBoundingClientRect()];
    box.scrollTop += Math.max(0, is.bottom + 24 - sees.bottom);
    box.scrollLeft += Math.max(0, is.right + 16 - sees.right);
  };
  document.querySelectorAll(".side nav, .stages").forEach(reveal);
  document.getElementById("problems")?.focus();
})();
