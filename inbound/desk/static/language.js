// Another language is another page. It is fetched and put in the place of this one, and its forms get
// what was typed in these. Nothing of that is stored in the browser.
{
  const typed = new Map();
  // Names of fields that belong to the page and not to its user: its token, and what it has shown.
  const OWN = ["form", "seen"];

  // Return the fields of forms, each with a key that it has in both languages.
  function keyedFields() {
    const counts = new Map();
    return [...document.querySelectorAll("form:not(.languages) :is(input, select, textarea)")]
      .filter((field) => field.name && !OWN.includes(field.name))
      .map((field) => {
        const choice = ["checkbox", "radio"].includes(field.type) ? field.value : "";
        const key = JSON.stringify([field.form.getAttribute("action"), field.name, choice]);
        counts.set(key, (counts.get(key) || 0) + 1);
        return [`${key} ${counts.get(key)}`, field];
      });
  }

  function fill(field, old) {
    if (field.type === "file") return field.replaceWith(old);
    if (["checkbox", "radio"].includes(field.type)) field.checked = old.checked;
    else if (field.tagName !== "SELECT" || [...field.options].some((one) => one.value === old.value))
      field.value = old.value;
    const isFilled = field.type !== "hidden" && field.value !== (field.defaultValue ?? field.value);
    for (let box = field.closest("details"); isFilled && box; box = box.parentElement.closest("details"))
      box.open = true;
  }

  function fillForms() {
    for (const [key, field] of keyedFields()) {
      const old = typed.get(key);
      typed.delete(key);
      if (old) fill(field, old);
    }
  }

  const isTyped = () =>
    keyedFields().some(
      ([, field]) =>
        field.type !== "hidden" &&
        (field.value !== (field.defaultValue ?? field.value) || field.checked !== field.defaultChecked),
    );

  const assets = (page) =>
    [...page.head.querySelectorAll("link[rel=stylesheet], script")].map((one) => one.outerHTML).join();

  function show(page, address) {
    typed.clear();
    for (const [key, field] of keyedFields()) typed.set(key, field);
    const [left, top] = [scrollX, scrollY];
    document.documentElement.lang = page.documentElement.lang;
    document.title = page.title;
    document.body.replaceChildren(...page.body.childNodes);
    history.replaceState(null, "", address);
    fillForms();
    if (window.htmx) window.htmx.process(document.body);
    announceFields();
    scrollTo(left, top);
    document.querySelector(".languages button")?.focus({ preventScroll: true });
  }

  // Say why the language stays; "" takes back what was said.
  function say(reason) {
    const box = document.getElementById("language-problem");
    box.replaceChildren();
    if (!reason) return;
    const note = document.createElement("p");
    note.className = "note bad";
    note.setAttribute("role", "alert");
    note.textContent = box.dataset[reason];
    box.append(note);
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches(".languages")) return;
    event.preventDefault();
    const fields = new URLSearchParams(new FormData(form));
    fields.append(event.submitter.name, event.submitter.value);
    say("");
    const answer = await fetch("/language", { method: "POST", body: fields }).catch(() => null);
    const text = await answer?.text().catch(() => null);
    if (typeof text !== "string") return say("away"); // the page stays, with all that was typed
    const page = new DOMParser().parseFromString(text, "text/html");
    const isSame = page.querySelector(".languages") && assets(page) === assets(document);
    // An outage has a page, too, and a session that has ended leads to another one.
    const mayLose = answer.ok ? isTyped() : document.querySelector("main form") !== null;
    if (isSame && (answer.ok || !mayLose)) show(page, answer.url);
    else if (!mayLose) location.assign(answer.url);
    else say(answer.ok ? "lossy" : "away");
  });

  // Fields that depend on a choice come a moment later, and only until somebody types again.
  document.addEventListener("htmx:afterSettle", () => {
    if (!typed.size) return;
    fillForms();
    announceFields();
  });
  document.addEventListener("input", (event) => {
    if (event.isTrusted) typed.clear();
  });
}
