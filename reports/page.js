"use strict";
{
  const tools = document.getElementById("tools");
  const find = document.getElementById("find");
  const fold = document.getElementById("fold");
  const requirements = [...document.querySelectorAll(".requirement")];
  const chapters = [...document.querySelectorAll(".chapter")];
  const texts = new Map();

  const textOf = (requirement) => {
    if (!texts.has(requirement)) texts.set(requirement, requirement.textContent.toLowerCase().replace(/\s+/g, " "));
    return texts.get(requirement);
  };

  const shownOnes = () => requirements.filter((requirement) => !requirement.hidden);

  const nameFold = () => {
    fold.textContent = shownOnes().some((requirement) => !requirement.open) ? "Open all" : "Close all";
  };

  const filter = () => {
    const verdict = tools.elements.show.value;
    const words = find.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const requirement of requirements) {
      const wanted = !verdict || requirement.dataset.verdict === verdict;
      requirement.hidden = !(wanted && words.every((word) => textOf(requirement).includes(word)));
    }
    for (const chapter of chapters) chapter.hidden = !chapter.querySelector(".requirement:not([hidden])");
    const count = shownOnes().length;
    document.getElementById("nothing").hidden = count > 0;
    document.getElementById("shown").textContent = `${count} of ${requirements.length} shown`;
    nameFold();
  };

  const openNamed = () => {
    const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!named?.matches(".requirement")) return;
    named.hidden = false;
    named.open = true;
    named.scrollIntoView();
  };

  const select = (element) => getSelection().selectAllChildren(element);

  const addCopyButton = (line) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      select(line);
      try {
        await navigator.clipboard.writeText(line.textContent);
        button.textContent = "Copied";
      } catch {
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    line.after(button);
  };

  fold.addEventListener("click", () => {
    const open = fold.textContent === "Open all";
    for (const requirement of shownOnes()) requirement.open = open;
    nameFold();
  });
  tools.addEventListener("submit", (event) => event.preventDefault());
  tools.addEventListener("input", filter);
  document.addEventListener("toggle", nameFold, true);
  addEventListener("hashchange", openNamed);
  document.querySelectorAll(".repeat").forEach(addCopyButton);
  tools.hidden = false;
  filter();
  openNamed();
}
