// "/" moves to the search field, unless somebody is typing.
document.addEventListener("keydown", (event) => {
  const field = document.getElementById("q");
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "/" && field && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    field.focus();
    field.select();
  }
});

// The open menu of a narrow screen closes at Escape, and when the focus or a click goes elsewhere.
document.addEventListener("keydown", (event) => {
  const menu = document.getElementById("menu");
  if (event.key === "Escape" && menu && menu.open && menu.contains(event.target)) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
for (const kind of ["focusin", "click"]) {
  document.addEventListener(kind, (event) => {
    const menu = document.getElementById("menu");
    if (menu && !menu.contains(event.target)) menu.open = false;
  });
}

// A page in a background tab doesn't ask for changes. It asks at once when it is looked at again.
document.addEventListener("htmx:beforeRequest", (event) => {
  const asks = event.target.getAttribute("hx-trigger") || "";
  if (document.hidden && asks.startsWith("every ")) event.preventDefault();
});

// Tells the counters and previews of a form that its fields were filled in without typing.
function announceFields() {
  for (const field of document.querySelectorAll("form.compose :is(input, textarea)")) {
    const isFilled = field.value !== field.defaultValue;
    if (isFilled) field.dispatchEvent(new Event("input", { bubbles: true }));
  }
  for (const field of document.querySelectorAll("form.compose select")) {
    const first = [...field.options].findIndex((option) => option.defaultSelected);
    const isChosen = field.selectedIndex !== Math.max(first, 0);
    if (isChosen) field.dispatchEvent(new Event("change", { bubbles: true }));
  }
}

// Going back, a browser fills a form in again.
window.addEventListener("pageshow", announceFields);
