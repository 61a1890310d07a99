// Shows only the questions that fit where the consent comes from.
"use strict";
(() => {
  const form = document.getElementById("columns-form");
  if (!form) return;
  const follow = () => {
    const chosen = form.querySelector("[name=source]:checked")?.value ?? "";
    for (const part of form.querySelectorAll("[data-for]")) part.hidden = !part.dataset.for.split(" ").includes(chosen);
    for (const line of form.querySelectorAll("tbody tr")) line.classList.toggle("left-out", line.querySelector("select").value === "skip");
  };
  form.addEventListener("change", follow);
  follow();
})();
