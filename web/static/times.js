// Instants are written in UTC by the server; here they become the reader's own local time.
"use strict";
(() => {
  const lang = document.documentElement.lang;
  const form = new Intl.DateTimeFormat(navigator.language.startsWith(lang) ? undefined : lang, { dateStyle: "medium", timeStyle: "short" });
  const localise = (root) => {
    for (const element of root.querySelectorAll("time[datetime]")) {
      element.title = element.dateTime;
      element.textContent = form.format(new Date(element.dateTime));
    }
  };
  localise(document);
  document.addEventListener("htmx:load", (event) => localise(event.target));
})();
