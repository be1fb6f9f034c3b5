"""A command template: which programs order a vendor's pairs, and how what they print is read (docs/pair-templates.md).

A template is data; `Template` is its shape, `complaints` what a file must say beyond its types.

>>> asking = Question(steps=(("tool", "{pair}"),), patterns=(Reading(pattern="(", state="PAIR"),))
>>> for fault in complaints(Template(status=asking)):
...     print(*fault, sep=": ")
status.steps[0][1]: there is no placeholder {pair}; allowed: group, pace, primary.block_size, primary.blocks, \
primary.bytes, primary.naa, primary.name, primary.node, primary.number, secondary.block_size, secondary.blocks, \
secondary.bytes, secondary.naa, secondary.name, secondary.node, secondary.number
status.patterns[0].pattern: is no regular expression: missing ), unterminated subpattern at position 0
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence

import msgspec

from copyproof.pairing.filling import FAULTY, placeholders
from copyproof.pairing.names import OPTIONS, OperationName, OptionName, StateName

Fault = tuple[str, str]
Steps = tuple[tuple[str, ...], ...]

STATE_GROUPS = ("state", "primary_state", "secondary_state")
NUMBER_GROUPS = ("percent", "group", "mirror", "generation", "moved", "pending")
"""The named groups of a pattern that are read as whole numbers; a fraction is cut off."""
FACTS = ("naa", "name", "node", "number", "blocks", "block_size", "bytes")
"""What is known of each volume, whatever the target file says."""
MOST_SECONDS = 3600

_ENDS = ("primary", "secondary")


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen table of a template in which unknown keys are errors."""


class Operation(Table, frozen=True, kw_only=True):
    """How something is ordered: programs with their arguments, run one after the other, each to exit status 0.

    `in_state` has other steps for the states in which something else must be run, `steps` those for all others;
    `expect` is a pattern that must be found in what they print, for programs that end with 0 whatever happens.
    `timeout` is in seconds for each step; 0: what the target file says.
    """

    steps: Steps
    in_state: dict[StateName, Steps] = msgspec.field(default_factory=dict)
    expect: str = ""
    timeout: float = 0

    def when(self, state: StateName) -> Operation:
        """Return the operation as it is in a state.

        >>> Operation(steps=(("a",),), in_state={"PAIR": (("b",),)}).when("PAIR").steps
        (('b',),)
        """
        return msgspec.structs.replace(self, steps=self.in_state.get(state, self.steps), in_state={})


class Refusal(Table, frozen=True, kw_only=True):
    """How a refused order ends: by this exit status, with this pattern in what is printed (none: whatever it is).
    `name` is what reports call it."""

    exit: int
    pattern: str = ""
    name: str = ""


class Reading(Table, frozen=True, kw_only=True):
    """One way to read an answer: for this exit status of the last step, and where this pattern is found.

    The states are fixed here or come from the pattern's named groups; `state` stands for both volumes'.
    """

    exit: int = 0
    pattern: str = ""
    state: StateName | None = None
    primary_state: StateName | None = None
    secondary_state: StateName | None = None


class Question(Table, frozen=True, kw_only=True):
    """How a state is asked for; the first of `patterns` that fits counts. `words` says which state a printed word is,
    where it is not called by the state's own name."""

    steps: Steps
    patterns: tuple[Reading, ...]
    words: dict[str, StateName] = msgspec.field(default_factory=dict)
    timeout: float = 0


class Identification(Table, frozen=True, kw_only=True):
    """How it is proven which volume the vendor's name means: the group `id` of `pattern` must be `expected`."""

    steps: Steps
    pattern: str
    expected: str = "{volume.naa}"
    timeout: float = 0


class PairIdentification(Table, frozen=True, kw_only=True):
    """How it is proven which volumes a vendor's name of a pair means, where it names pairs and not volumes: the groups
    `primary` and `secondary` of `pattern` must be what stands under these names here."""

    steps: Steps
    pattern: str
    primary: str = "{primary.naa}"
    secondary: str = "{secondary.naa}"
    timeout: float = 0


class GroupIdentification(Table, frozen=True, kw_only=True):
    """How it is proven which volumes an order for a whole consistency group reaches: each match of `row` is a pair of
    it, whose groups `primary` and `secondary` must hold what `called` makes of volumes of the target."""

    steps: Steps
    row: str
    called: str = "{volume.naa}"
    timeout: float = 0


class Listing(Table, frozen=True, kw_only=True):
    """How all pairs are listed: each match of `row` is one, whose groups `primary` and `secondary` hold what `called`
    makes of a volume. The other groups and `words` are as in a question."""

    steps: Steps
    row: str
    called: str = "{volume.naa}"
    words: dict[str, StateName] = msgspec.field(default_factory=dict)
    timeout: float = 0


class Waiting(Table, frozen=True, kw_only=True):
    """How the vendor's own program waits for a state, for {timeout} seconds; `words` says what it calls the states that
    it can wait for."""

    steps: Steps
    words: dict[StateName, str]


class Template(Table, frozen=True, kw_only=True):
    """A whole template. `names` are placeholders with their defaults, `volumes` such of each volume (in which
    `{volume.…}` stands for the volume); an empty default must be given by the target file. `options` are the
    arguments that `{?NAME}` stands for. `paired` asks whether the S-VOL of a create is in any pair: it is `{volume.…}`
    and `{secondary.…}` there."""

    title: str = ""
    names: dict[str, str] = msgspec.field(default_factory=dict)
    volumes: dict[str, str] = msgspec.field(default_factory=dict)
    options: dict[OptionName, tuple[str, ...]] = msgspec.field(default_factory=dict)
    operations: dict[OperationName, Operation] = msgspec.field(default_factory=dict)
    refusals: tuple[Refusal, ...] = ()
    status: Question
    paired: Question | None = None
    identify: Identification | None = None
    identify_pair: PairIdentification | None = None
    identify_group: GroupIdentification | None = None
    display: Listing | None = None
    wait: Waiting | None = None


def complaints(template: Template) -> Iterator[Fault]:
    """Yield (key, what is wrong with it) for each rule that a template breaks."""
    yield from _names(template)
    of_pair = _known(template, ("primary", "secondary"), "group", "pace")
    of_both, of_volume = of_pair - {"group", "pace"}, _known(template, ("volume",))
    for name, value in template.volumes.items():
        yield from _text(f"volumes.{name}", value, {*template.names, *(f"volume.{fact}" for fact in FACTS)})
    for option, arguments in template.options.items():
        yield from _arguments(f"options.{option}", arguments, of_pair)
    yield from _operations(template, of_pair)
    for at, refusal in enumerate(template.refusals):
        yield from _exit(f"refusals[{at}].exit", refusal.exit)
        yield from _pattern(f"refusals[{at}].pattern", refusal.pattern, ())
        if not (refusal.exit or refusal.pattern):
            yield (
                f"refusals[{at}]",
                "would take every order for refused: give it a pattern, or another exit status than 0",
            )
    yield from _question("status", template.status, of_pair, template)
    if template.paired:
        yield from _question("paired", template.paired, {*of_volume, *of_both}, template)
    yield from _others(template, of_pair, of_volume)
    if template.volumes and not (template.identify or template.identify_pair):
        yield "volumes", "are the vendor's names, which nothing proves: add identify or identify_pair"


def _operations(template: Template, known: Collection[str]) -> Iterator[Fault]:
    for name, operation in template.operations.items():
        key = f"operations.{name}"
        yield from _steps(key, operation.steps, known, template)
        for state, steps in operation.in_state.items():
            yield from _steps(f"{key}.in_state.{state}", steps, known, template)
        yield from _pattern(f"{key}.expect", operation.expect, ())
        yield from _seconds(f"{key}.timeout", operation.timeout)


def _others(template: Template, of_pair: Collection[str], of_volume: Collection[str]) -> Iterator[Fault]:
    if asked := template.identify:
        yield from _steps("identify", asked.steps, of_volume, template)
        yield from _pattern("identify.pattern", asked.pattern, ("id",), needed=("id",))
        yield from _text("identify.expected", asked.expected, of_volume)
        yield from _seconds("identify.timeout", asked.timeout)
    if proven := template.identify_pair:
        yield from _steps("identify_pair", proven.steps, of_pair, template)
        yield from _pattern("identify_pair.pattern", proven.pattern, _ENDS, needed=_ENDS)
        for name in _ENDS:
            yield from _text(f"identify_pair.{name}", getattr(proven, name), of_pair)
        yield from _seconds("identify_pair.timeout", proven.timeout)
    if grouped := template.identify_group:
        yield from _steps("identify_group", grouped.steps, of_pair, template)
        yield from _pattern("identify_group.row", grouped.row, _ENDS, needed=_ENDS)
        yield from _text("identify_group.called", grouped.called, of_volume)
        yield from _seconds("identify_group.timeout", grouped.timeout)
    if listed := template.display:
        yield from _steps("display", listed.steps, template.names, template)
        yield from _pattern("display.row", listed.row, (*_ENDS, *STATE_GROUPS, *NUMBER_GROUPS), needed=_ENDS)
        yield from _states("display.row", Reading(pattern=listed.row))
        yield from _text("display.called", listed.called, of_volume)
        yield from _seconds("display.timeout", listed.timeout)
    if waited := template.wait:
        yield from _steps("wait", waited.steps, {*of_pair, "state", "timeout"}, template)


def _question(key: str, asked: Question, known: Collection[str], template: Template) -> Iterator[Fault]:
    yield from _steps(key, asked.steps, known, template)
    yield from _seconds(f"{key}.timeout", asked.timeout)
    if not asked.patterns:
        yield f"{key}.patterns", "is empty: nothing that is printed could be read"
    for at, reading in enumerate(asked.patterns):
        here = f"{key}.patterns[{at}]"
        yield from _exit(f"{here}.exit", reading.exit)
        if not (reading.exit or reading.pattern):
            yield here, "would take any output for this state: give it a pattern, or an exit status other than 0"
        bad = list(_pattern(f"{here}.pattern", reading.pattern, (*STATE_GROUPS, *NUMBER_GROUPS)))
        yield from bad or _states(here, reading)


def _states(key: str, reading: Reading) -> Iterator[Fault]:
    """Both volumes' states must be said, and each once."""
    try:
        groups = set(re.compile(reading.pattern).groupindex)
    except re.error:
        return
    said = [name for name in STATE_GROUPS if name in groups or getattr(reading, name)]
    if said not in (["state"], ["primary_state", "secondary_state"]):
        yield key, "must say either state, or both primary_state and secondary_state, as a key or by a named group"
    for name in STATE_GROUPS:
        if name in groups and getattr(reading, name):
            yield f"{key}.{name}", "is given twice, as a key and by a named group"


def _names(template: Template) -> Iterator[Fault]:
    for key, table in (("names", template.names), ("volumes", template.volumes)):
        for name in table:
            taken = FACTS if key == "volumes" else ("group", "pace", "state", "timeout")
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or name in taken:
                allowed = f"lower-case letters, digits and underscores, and not {', '.join(taken)}"
                yield f"{key}.{name}", f"is not allowed; a name must be of {allowed}"


def _known(template: Template, volumes: Sequence[str], *own: str) -> set[str]:
    facts = (*FACTS, *template.volumes)
    return {*template.names, *own, *(f"{volume}.{fact}" for volume in volumes for fact in facts)}


def _steps(key: str, steps: Steps, known: Collection[str], template: Template) -> Iterator[Fault]:
    if not steps or not all(steps):
        yield f"{key}.steps", "must be lists of a program and its arguments, one at least"
    for at, arguments in enumerate(steps):
        yield from _arguments(f"{key}.steps[{at}]", arguments, known, template.options)


def _arguments(
    key: str, arguments: Sequence[str], known: Collection[str], options: Collection[str] = ()
) -> Iterator[Fault]:
    for at, text in enumerate(arguments):
        option = text[2:-1] if text.startswith("{?") and text.endswith("}") else ""
        if not option:
            yield from _text(f"{key}[{at}]", text, known)
        elif option not in options:
            yield (
                f"{key}[{at}]",
                f"there is no option {option!r}; allowed: those in the table options, of {_listed(OPTIONS)}",
            )


def _text(key: str, text: str, known: Collection[str]) -> Iterator[Fault]:
    for name in placeholders(text):
        if name == FAULTY:
            yield key, f"{text!r} has a brace that is no placeholder's; write {{{{ or }}}} for a brace"
        elif name not in known:
            yield key, f"there is no placeholder {{{name}}}; allowed: {_listed(sorted(known))}"


def _pattern(key: str, pattern: str, allowed: Sequence[str], needed: Sequence[str] = ()) -> Iterator[Fault]:
    try:
        groups = re.compile(pattern, re.MULTILINE).groupindex
    except re.error as problem:
        yield key, f"is no regular expression: {problem}"
        return
    for group in groups:
        if group not in allowed:
            yield key, f"there is no named group {group!r}; allowed: {_listed(allowed) or 'none'}"
    for group in needed:
        if group not in groups:
            yield key, f"lacks the named group {group!r}"


def _exit(key: str, status: int) -> Iterator[Fault]:
    if not 0 <= status <= 255:
        yield key, f"{status} is not allowed; an exit status is 0 to 255"


def _seconds(key: str, seconds: float) -> Iterator[Fault]:
    if not 0 <= seconds <= MOST_SECONDS:
        yield key, f"{seconds:g} is not allowed; it must be at most {MOST_SECONDS} seconds, 0 for the target file's"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
