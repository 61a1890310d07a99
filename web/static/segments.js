// Rows of questions: show the comparisons that fit the field, add and remove rows without a round trip.
"use strict";
(() => {
  const FITS = {
    segment: ["is", "is_not"],
    time: ["before", "after", "within_days", "older_than_days", "exists", "missing"],
    number: ["is", "is_not", "in", "not_in", "gt", "ge", "lt", "le", "exists", "missing"],
    text: ["is", "is_not", "in", "not_in", "contains", "starts_with", "exists", "missing"],
  };
  const HINTS = { in: "CA, NY, TX", not_in: "CA, NY, TX", within_days: "30", older_than_days: "90", before: "2026-12-31", after: "2026-01-01" };
  const fit = (row) => {
    const [field, operator] = row.querySelectorAll("select");
    const fitting = FITS[field.selectedOptions[0]?.dataset.kind];
    for (const option of operator.options) option.hidden = option.disabled = Boolean(fitting) && !fitting.includes(option.value);
    if (operator.selectedOptions[0]?.disabled) operator.value = fitting[0];
    const value = row.querySelector("input");
    value.classList.toggle("invisible", ["exists", "missing"].includes(operator.value));
    const named = field.value === "segment";
    value.placeholder = named ? "" : HINTS[operator.value] ?? "";
    if (named) value.setAttribute("list", "segment-names");
    else value.removeAttribute("list");
  };
  const all = () => document.querySelectorAll(".seg-row");
  const told = (form) => form.dispatchEvent(new Event("rows-changed"));
  all().forEach(fit);
  document.addEventListener("change", (event) => {
    const row = event.target.closest(".seg-row");
    if (row) fit(row);
  });
  document.addEventListener("click", (event) => {
    const form = event.target.closest("form");
    const remove = event.target.closest(".seg-remove");
    const add = event.target.closest("button[name=add]");
    if (remove) {
      const row = remove.closest(".seg-row");
      if (all().length > 1) row.remove();
      else { row.querySelectorAll("select, input").forEach((one) => { one.value = ""; }); }
      told(form);
    } else if (add && all().length) {
      event.preventDefault();
      const row = [...all()].at(-1).cloneNode(true);
      row.querySelectorAll("input").forEach((one) => { one.value = ""; });
      row.querySelector("select").value = "";
      form.querySelector(".seg-rows").append(row);
      fit(row);
      row.querySelector("select").focus();
    }
  });
})();
