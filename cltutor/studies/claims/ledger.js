// Filters the ledger by paper and verdict, and shows the trials and recipes of the row that is pointed at or has focus.
const ledger = document.getElementById(LEDGER);
const rows = [...ledger.querySelectorAll("tbody tr")];
const panel = ledger.querySelector(".panel");
const chosen = { paper: "", verdict: "" };

function filter() {
  let shown = 0;
  for (const row of rows) {
    row.hidden = Object.entries(chosen).some(([name, value]) => value && row.dataset[name] !== value);
    shown += !row.hidden;
  }
  ledger.querySelector("output").textContent = `${shown} of ${rows.length} claims`;
}

for (const button of ledger.querySelectorAll("button")) {
  button.addEventListener("click", () => {
    const { name, value } = button;
    chosen[name] = chosen[name] === value ? "" : value;
    for (const other of ledger.querySelectorAll(`button[name=${name}]`)) {
      other.setAttribute("aria-pressed", other.value === chosen[name]);
    }
    filter();
  });
}

function show(row) {
  panel.replaceChildren(...row.querySelector("details").cloneNode(true).childNodes);
  for (const other of rows) other.classList.toggle("pointed", other === row);
}

for (const row of rows) {
  row.addEventListener("pointerenter", () => show(row));
  row.addEventListener("focusin", () => show(row));
}
ledger.classList.add("alive");
filter();
