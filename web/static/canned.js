// Puts a prepared answer into the field, where it can still be changed.
document.addEventListener("change", (event) => {
  if (event.target.id !== "canned" || !event.target.value) return;
  const text = document.getElementById("text");
  text.value = event.target.value;
  text.focus();
});
