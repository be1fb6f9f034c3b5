from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from copyproof.verdicts.verdict import Verdict

if TYPE_CHECKING:
    from copyproof.verdicts.record import Record
    from tests.browser.conftest import Tab

    MakeTab = Callable[..., Tab]

OPEN_ALL = "document.querySelectorAll('details').forEach((fold) => { fold.open = true; })"
SHOWN = "[...document.querySelectorAll('.requirement:not([hidden])')].map((one) => one.id)"

# What sticks out of the window and does not scroll inside a box of its own.
OVERFLOWING = """
[...document.body.querySelectorAll('*')].filter((one) => {
  const box = one.getBoundingClientRect();
  return box.width > 1 && (box.right > innerWidth + 1 || box.left < -1) && !one.closest('pre, .scroll');
}).map((one) => one.outerHTML.slice(0, 120))
"""

# Text whose contrast with what is behind it is below the 4.5 of WCAG 2 (AA).
FAINT = """
(() => {
  const channels = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * light(r) + 0.7152 * light(g) + 0.0722 * light(b);
  const behind = (one) => {
    for (; one; one = one.parentElement) {
      const [r, g, b, a = 1] = channels(getComputedStyle(one).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return matchMedia('(prefers-color-scheme: dark)').matches ? [18, 18, 18] : [255, 255, 255];
  };
  const faint = new Set();
  let seen = 0;
  for (const one of document.body.querySelectorAll('*')) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !one.checkVisibility() || one.matches('script')) continue;
    seen += 1;
    const [a, b] = [luminance(channels(getComputedStyle(one).color)), luminance(behind(one))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) faint.add(`${one.tagName}.${one.className}: ${ratio.toFixed(2)}`);
  }
  return { seen, faint: [...faint] };
})()
"""


PAGES = pytest.mark.parametrize("page", ["sample_page", "motley_page", "hostile_page"])
WIDTHS = pytest.mark.parametrize("width", [320, 375, 768, 1280, 1920])


@pytest.fixture
def path(request: pytest.FixtureRequest, page: str) -> Path:
    made: Path = request.getfixturevalue(page)
    return made


@PAGES
def test_the_page_asks_for_nothing_and_complains_of_nothing(tab: MakeTab, path: Path) -> None:
    shown = tab().open(path)
    shown.run(OPEN_ALL)
    assert [url for url in shown.asked_for() if not url.startswith("data:")] == [path.as_uri()]
    assert shown.complaints() == []


def test_a_script_or_style_that_is_not_the_page_s_own_is_refused(
    tab: MakeTab, tmp_path: Path, sample_page: Path
) -> None:
    smuggled = (
        "<script>window.owned = 1</script><img src='https://example.org/x.png' onerror='window.owned = 2'></body>"
    )
    bad = tmp_path / "bad.html"
    bad.write_text(sample_page.read_text("utf-8").replace("</body>", smuggled), encoding="utf-8")
    shown = tab().open(bad)
    assert shown.run("window.owned") is None
    assert len(shown.complaints()) >= 2


def test_hostile_text_runs_nothing_and_adds_nothing(tab: MakeTab, hostile_page: Path) -> None:
    shown = tab().open(hostile_page)
    assert shown.run("window.owned") is None
    assert shown.run("document.images.length") == 0
    assert shown.run("document.scripts.length") == 1


@PAGES
@WIDTHS
def test_nothing_sticks_out_of_the_window(tab: MakeTab, path: Path, width: int) -> None:
    shown = tab(width).open(path)
    for prepare in ("0", OPEN_ALL):
        shown.run(prepare)
        assert shown.run(OVERFLOWING) == []
        assert shown.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(tab: MakeTab, motley_page: Path, scheme: str) -> None:
    shown = tab(scheme=scheme).open(motley_page)
    shown.run(OPEN_ALL)
    told = shown.run(FAINT)
    assert told["seen"] > 200
    assert told["faint"] == []


def test_dark_is_dark_and_light_is_light(tab: MakeTab, sample_page: Path) -> None:
    colour = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
    assert max(tab(scheme="dark").open(sample_page).run(colour)) < 60
    assert min(tab(scheme="light").open(sample_page).run(colour)) > 240


def test_print_is_dark_on_white_even_where_the_screen_is_dark(tab: MakeTab, motley_page: Path) -> None:
    shown = tab(scheme="dark").open(motley_page)
    shown.media("print", "dark")
    told = shown.run(FAINT.replace("[18, 18, 18]", "[255, 255, 255]"))
    assert told["seen"] > 100
    assert told["faint"] == []


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_verdict_filters(tab: MakeTab, motley_page: Path, motley_record: Record, verdict: Verdict) -> None:
    shown = tab().open(motley_page)
    shown.run(f"document.querySelector('input[value={verdict.value}]').click()")
    expected = [r.id for r in motley_record.requirements if r.verdict is verdict]
    assert shown.run(SHOWN) == expected
    assert shown.run("document.getElementById('shown').value").startswith(f"{len(expected)} of ")
    empty = (
        "[...document.querySelectorAll('.chapter')].filter((c) => c.checkVisibility() && !c.innerText.includes('-'))"
    )
    assert shown.run(f"{empty}.length") == 0


def search(shown: Tab, words: str) -> list[str]:
    shown.run(f"document.getElementById('find').value = {words!r}")
    shown.run("document.getElementById('find').dispatchEvent(new Event('input', { bubbles: true }))")
    found: list[str] = shown.run(SHOWN)
    return found


def test_words_find_a_requirement_by_id_cause_and_bytes(tab: MakeTab, sample_page: Path, sample_record: Record) -> None:
    shown = tab().open(sample_page)
    wanted, command = next((r, c) for r in sample_record.requirements for case in r.cases for c in case.commands)
    for words in (wanted.id.lower(), f"{wanted.id} {wanted.verdict.value} {command.via}", wanted.title.upper()):
        found = search(shown, words)
        assert wanted.id in found
        assert len(found) < len(sample_record.requirements) / 2
    assert wanted.id in search(shown, bytes.fromhex(command.cdb).hex(" "))


def test_words_that_stand_nowhere_say_so(tab: MakeTab, sample_page: Path) -> None:
    shown = tab().open(sample_page)
    assert search(shown, "no such word anywhere") == []
    assert shown.run("nothing.checkVisibility()") is True
    assert search(shown, "")
    assert shown.run("nothing.checkVisibility()") is False


def test_open_all_opens_what_is_shown_and_close_all_closes_it(tab: MakeTab, motley_page: Path) -> None:
    shown = tab().open(motley_page)
    opened = "document.querySelectorAll('.requirement[open]').length"
    shown.run("document.querySelector('input[value=DEVIATION]').click()")
    shown.run("fold.click()")
    assert shown.run(opened) == len(shown.run(SHOWN)) > 0
    shown.run("fold.click()")
    assert shown.run(opened) == 0


def test_a_link_to_a_requirement_opens_it(tab: MakeTab, sample_page: Path, sample_record: Record) -> None:
    wanted = sample_record.requirements[-1].id
    shown = tab().open(sample_page, f"#{wanted}")
    assert shown.run("[...document.querySelectorAll('.requirement[open]')].map((one) => one.id)") == [wanted]


def test_a_requirement_is_opened_by_keyboard_alone(tab: MakeTab, sample_page: Path) -> None:
    shown = tab().open(sample_page)
    reached = "document.activeElement.matches('.requirement > summary')"
    for _ in range(60):
        shown.press("Tab", 9)
        if shown.run(reached):
            break
    assert shown.run(reached) is True
    shown.press("Enter", 13, "\r")
    assert shown.run("document.activeElement.parentElement.open") is True


def test_the_shell_line_is_marked_whole_for_copying(tab: MakeTab, sample_page: Path, sample_record: Record) -> None:
    shown = tab().open(sample_page)
    shown.run(OPEN_ALL)
    shown.run("document.querySelector('.copy').click()")
    first = next(c for r in sample_record.requirements for case in r.cases for c in case.commands if c.repeat)
    assert shown.run("getSelection().toString()").strip() == first.repeat


def test_without_script_everything_is_there_and_no_dead_button(
    tab: MakeTab, sample_page: Path, sample_record: Record
) -> None:
    shown = tab(script=False).open(sample_page)
    assert shown.run("tools.checkVisibility()") is False
    assert shown.run("document.querySelectorAll('button.copy').length") == 0
    assert shown.run(f"{SHOWN}.length") == len(sample_record.requirements)


def test_print_shows_the_cases_of_closed_requirements_and_no_tools(tab: MakeTab, sample_page: Path) -> None:
    shown = tab().open(sample_page)
    hidden = "(one) => one.offsetHeight - one.firstElementChild.offsetHeight < 9"
    folded = f"[...document.querySelectorAll('.requirement')].filter({hidden}).length"
    assert shown.run(folded) == shown.run(f"{SHOWN}.length") > 0
    shown.media("print")
    assert shown.run(folded) == 0
    assert shown.run("tools.checkVisibility()") is False
    assert shown.run("document.querySelector('.sign').checkVisibility()") is True


def test_every_table_has_a_caption_and_every_field_a_name(tab: MakeTab, sample_page: Path) -> None:
    shown = tab().open(sample_page)
    assert shown.run("[...document.querySelectorAll('table')].filter((t) => !t.caption).length") == 0
    assert shown.run("[...document.querySelectorAll('input')].filter((i) => !i.labels.length).length") == 0
    levels = shown.run("[...document.querySelectorAll('h1,h2,h3,h4')].map((h) => Number(h.tagName[1]))")
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
