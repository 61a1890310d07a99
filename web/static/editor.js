// The text editor: fields put in at the cursor, special characters replaced, findings shown, people stepped through.
"use strict";
(() => {
  const text = document.getElementById("text");
  const form = document.getElementById("editor");
  let at = 0;
  const changed = () => form.dispatchEvent(new Event("text-changed"));
  const put = (words) => {
    text.setRangeText(words, text.selectionStart, text.selectionEnd, "end");
    text.focus();
    changed();
  };
  const step = (by) => {
    const looks = [...document.querySelectorAll(".phone-look")];
    if (!looks.length) return;
    at = (at + by + looks.length) % looks.length;
    looks.forEach((one, place) => one.toggleAttribute("data-later", place !== at));
    const count = document.querySelector(".phone-count");
    if (count) count.textContent = count.dataset.words.replace("{place}", at + 1);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { field, step: by, char, instead, from, to } = button.dataset;
    if (field) put(`{{ ${field} }}`);
    else if (by) step(Number(by));
    else if (char !== undefined) {
      text.value = text.value.replaceAll(char, instead);
      changed();
    } else if (from) {
      text.focus();
      text.setSelectionRange(Number(from), Number(to));
    }
  });
  document.addEventListener("htmx:load", () => {
    at = Math.min(at, document.querySelectorAll(".phone-look").length - 1);
    step(0);
  });
})();
