// Tabs as the ARIA authoring practices describe them: arrows move, one tab stop for all.

/** Makes a `tablist` work. */
export class Tabs {
  #tabs;

  constructor(list) {
    this.#tabs = [...list.querySelectorAll('[role=tab]')];
    this.#tabs.forEach((tab, index) => {
      tab.onclick = () => this.select(tab.id);
      tab.onkeydown = (event) => this.#onKey(event, index);
    });
  }

  /** Shows a tab's panel. */
  select(id) {
    for (const tab of this.#tabs) {
      const selected = tab.id === id;
      tab.setAttribute('aria-selected', String(selected));
      tab.tabIndex = selected ? 0 : -1;
      document.getElementById(tab.getAttribute('aria-controls')).hidden = !selected;
    }
  }

  #onKey(event, index) {
    const last = this.#tabs.length - 1;
    const next = {
      ArrowRight: index === last ? 0 : index + 1,
      ArrowLeft: index === 0 ? last : index - 1,
      Home: 0,
      End: last,
    }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    this.select(this.#tabs[next].id);
    this.#tabs[next].focus();
  }
}
