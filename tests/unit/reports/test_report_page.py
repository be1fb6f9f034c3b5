from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copyproof import data
from copyproof.reports.html import chapters, dump, octets, policy, render, sense_fields, sense_words, shown
from copyproof.reports.text import moment
from copyproof.verdicts.record import CommandRecord, LunRecord, Record, RequirementRecord, TargetRecord
from copyproof.verdicts.verdict import Verdict

VOID = {"br", "meta", "link", "input", "rect"}


class Page(HTMLParser):
    """A page as elements: what is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


@pytest.fixture(scope="session", params=["sample_record", "motley_record"])
def whole(request: pytest.FixtureRequest) -> Record:
    made: Record = request.getfixturevalue(request.param)
    return made


@pytest.fixture(scope="session")
def page(whole: Record) -> Page:
    return Page(render(whole))


@pytest.fixture(scope="session")
def hostile_text(hostile_record: Record) -> str:
    return render(hostile_record)


def test_the_committed_page_is_that_of_the_committed_record(sample_record: Record) -> None:
    committed = (data.folder("reports") / "sample" / "report.html").read_text("utf-8")
    assert render(sample_record) == committed


def test_every_element_is_closed(page: Page) -> None:
    assert page.open == []


def test_nothing_is_fetched_from_anywhere(page: Page) -> None:
    links = [value for _, name, value in page.attributes if name in ("src", "href", "srcset", "action", "data")]
    assert links
    assert all(link.startswith(("#", "data:")) for link in links)
    assert not {"img", "iframe", "object", "embed", "base", "audio", "video"} & set(page.tags)
    assert not [value for tag, name, value in page.attributes if (tag, name) == ("script", "src")]


def test_every_link_leads_to_a_requirement_on_the_page(page: Page) -> None:
    names = [value for _, name, value in page.attributes if name == "id"]
    assert len(names) == len(set(names))
    leads = [value for tag, name, value in page.attributes if (tag, name) == ("a", "href")]
    assert leads
    assert {lead.removeprefix("#") for lead in leads} <= set(names)


def test_all_that_the_record_says_of_its_cases_is_on_the_page(whole: Record, page: Page) -> None:
    words = page.words
    for requirement in whole.requirements:
        assert f"{requirement.id} {requirement.title}" in words
        for case in requirement.cases:
            said = [case.test, case.expected, case.observed, case.cause, case.deviation, *case.blocks.examples]
            sent = [text for c in case.commands for text in (c.name, octets(c.cdb), c.digest, c.sense, c.repeat, c.via)]
            assert all(" ".join(text.split()) in words for text in said + sent)


def test_target_tools_seed_and_time_are_on_the_page(whole: Record, page: Page) -> None:
    target = whole.target
    said = [target.name, target.vendor, target.product, target.revision, target.kernel, target.profile]
    said += [unit.naa for unit in target.luns] + [*whole.tools, *whole.tools.values()]
    said += [moment(whole.started), moment(whole.finished), str(whole.seed), whole.interrupted]
    assert [text for text in said if text not in page.words] == []


def test_every_verdict_is_explained(page: Page) -> None:
    meanings = page.words.partition("What each verdict means")[2]
    assert [v.value for v in Verdict if v.value.replace("_", " ") not in meanings] == []


def test_hostile_text_makes_no_element_and_no_attribute(motley_record: Record, hostile_text: str) -> None:
    hostile, page = Page(hostile_text), Page(render(motley_record))
    assert hostile.open == []
    added = set(hostile.tags) - set(page.tags)
    assert added == set()
    assert hostile.tags["script"] == 1
    assert not [name for _, name, _ in hostile.attributes if name.startswith("on") or name == "style"]
    assert {name for _, name, _ in hostile.attributes} == {name for _, name, _ in page.attributes}
    assert "49" not in hostile.words.partition("{{")[2][:10]


def test_hostile_text_leaves_no_control_character_and_can_be_written(hostile_text: str) -> None:
    assert [c for c in set(hostile_text) if not c.isprintable() and c != "\n"] == []
    hostile_text.encode()


def test_attributes_hold_text_and_no_markup(hostile_text: str) -> None:
    broken = [a for a in Page(hostile_text).attributes if "class=" in a[2]]
    assert broken == []


@given(st.text())
def test_shown_text_is_never_markup_and_says_everything(text: str) -> None:
    made = Page(f"<p>{shown(text)}</p>")
    assert set(made.tags) <= {"p", "span"}
    plain = "".join(made.text)
    assert plain.isprintable()
    assert not text.isprintable() or plain == text


def test_endless_text_is_cut_and_says_so(sample_record: Record) -> None:
    target = msgspec.structs.replace(sample_record.target, vendor="V" * 1_000_000)
    made = render(msgspec.structs.replace(sample_record, target=target))
    assert "980,000 more characters in the record" in made
    assert len(made) < len(render(sample_record)) + 100_000


def test_the_policy_forbids_all_but_the_page_s_own_style_and_script() -> None:
    assert policy("", "").startswith("default-src 'none'; style-src 'sha256-47DEQpj8")
    assert "unsafe" not in policy("a", "b")
    assert policy("a", "b") != policy("a", "c")


def test_a_record_with_nothing_in_it_still_makes_a_page() -> None:
    empty = Record(
        started="",
        finished="",
        duration=0.0,
        seed=0,
        target=TargetRecord(name="none", driver="lab"),
        tools={},
        requirements=[],
        summary={},
    )
    assert "Compliant: not proven" in Page(render(empty)).words


def test_neighbours_of_one_chapter_stand_under_one_heading() -> None:
    def row(chapter: str, source: str) -> RequirementRecord:
        return RequirementRecord(
            id="R", title="", chapter=chapter, source=source, level="optional", verdict=Verdict.PASS
        )

    made = chapters([row("A", "SPC-4 1"), row("A", "SBC-3 2"), row("B", "SPC-4 1"), row("", "SBC-3 4.22")])
    assert [(c.title, len(c.requirements)) for c in made] == [("A", 2), ("B", 1), ("SBC-3", 1)]


@given(st.binary(max_size=100))
def test_a_dump_holds_every_byte_once(raw: bytes) -> None:
    lines = dump(raw.hex()).splitlines()
    assert "".join(line[6:53] for line in lines).replace(" ", "") == raw.hex()
    assert [line[:4] for line in lines] == [f"{at:04x}" for at in range(0, len(raw), 16)]


@given(st.text())
def test_no_text_crashes_what_reads_hex_and_sense(text: str) -> None:
    for reader in (dump, octets, sense_words, sense_fields):
        assert isinstance(reader(text), str)


def test_a_forwarded_sense_is_named_too() -> None:
    assert "OUT OF RANGE" in sense_words("0A/0D/01>05/21/00")
    assert "COPY ABORTED" in sense_words("0A/0D/01>05/21/00")


@pytest.mark.parametrize(
    ("length", "held", "residual", "says"),
    [
        (92, 92, 0, "92 bytes 0000"),
        (92, 16, 0, "92 bytes, the first 16 shown 0000"),
        (92, 92, 76, "92 bytes, residual 76 0000"),
        (92, 16, 76, "92 bytes, residual 76, the first 16 shown 0000"),
        (8 << 20, 0, 0, "8,388,608 bytes, not kept SHA"),
    ],
)
def test_a_head_of_the_data_is_not_called_all_of_it(
    sample_record: Record, length: int, held: int, residual: int, says: str
) -> None:
    command = CommandRecord(
        via="x",
        cdb="83",
        name="N",
        direction="out",
        length=length,
        data="00" * held,
        digest="d",
        status="GOOD",
        residual=residual,
    )
    first = next(r for r in sample_record.requirements if r.cases)
    case = msgspec.structs.replace(first.cases[0], commands=[command])
    only = msgspec.structs.replace(first, cases=[case])
    assert says in Page(render(msgspec.structs.replace(sample_record, requirements=[only]))).words


def test_a_large_unit_is_shown_with_its_capacity(sample_record: Record) -> None:
    unit = LunRecord(role="source", naa="6" * 32, blocks=1 << 41, block_size=512)
    target = msgspec.structs.replace(sample_record.target, luns=[unit])
    assert "1 PiB" in Page(render(msgspec.structs.replace(sample_record, target=target))).words
