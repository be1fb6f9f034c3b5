"""What the placeholders of a template stand for: facts of the volumes, and names from template and target file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from copyproof.errors import UsageError
from copyproof.pairing.filling import arguments, filled
from copyproof.pairing.names import OptionName, name_of
from copyproof.pairing.service import PairRequest, PairVolume
from copyproof.pairing.template import Operation, Template
from copyproof.scsi.pair import SplitKind


@dataclass(frozen=True, slots=True)
class Setting:
    """A template with the names that a target gives it.

    `names` are the target's values for the template's names, `volumes` those of each volume by its name; `file` and
    `target` are what errors call the template's file and the target's. `timeout` is in seconds for a step.
    """

    template: Template
    file: str
    target: str
    names: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    timeout: float = 60.0

    def check(self) -> None:
        """Raise UsageError for names that the template does not have, and for one that it needs and nobody gives."""
        self._strangers("pairs.names", self.names, self.template.names)
        for name, own in self.volumes.items():
            self._strangers(f"pairs.volumes.{name}", own, self.template.volumes)
        self.common()

    def common(self) -> dict[str, str]:
        """Return what does not depend on the volumes; raises UsageError for a name without a value."""
        return self._complete("pairs.names", {**self.template.names, **self.names})

    def of_volume(self, volume: PairVolume, called: str = "volume") -> dict[str, str]:
        """Return what `{called.…}` stands for, the common names with it; raises UsageError as `common`."""
        facts = {
            "naa": volume.naa,
            "name": volume.name,
            "node": volume.node,
            "number": str(volume.number),
            "blocks": str(volume.blocks),
            "block_size": str(volume.block_size),
            "bytes": str(volume.blocks * volume.block_size),
        }
        facts = {name: value for name, value in facts.items() if value}
        known = self.common() | {f"volume.{name}": value for name, value in facts.items()}
        own = self.volumes.get(volume.name, {})
        given = {
            name: own[name] if name in own else self.text(text, known) for name, text in self.template.volumes.items()
        }
        whole = facts | self._complete(f"pairs.volumes.{volume.name}", given)
        return self.common() | {f"{called}.{name}": value for name, value in whole.items()}

    def of_pair(self, primary: PairVolume, secondary: PairVolume) -> dict[str, str]:
        """Return what stands for two volumes and the common names; raises UsageError as `common`."""
        return self.of_volume(primary, "primary") | self.of_volume(secondary, "secondary")

    def ordered(self, request: PairRequest, operation: Operation) -> list[list[str]]:
        """Return the steps of an order, filled in; raises UsageError where it has something that they leave out: it is
        never dropped unsaid."""
        values = self.of_pair(request.primary, request.secondary)
        values |= {"group": str(request.group), "pace": str(request.pace)}
        written = {text for step in operation.steps for text in step}
        for option in _beyond(request):
            if not any(_shows(text, option) for text in written):
                key = f"operations.{name_of(request.command)}"
                raise UsageError(f"{self.file}: {key}: the order has {option}, for which no step has a {{?{option}}}")
        return self.filled(operation.steps, values, chosen(request))

    def filled(
        self, steps: Sequence[Sequence[str]], values: Mapping[str, str], options: frozenset[OptionName] = frozenset()
    ) -> list[list[str]]:
        """Return steps with their placeholders replaced."""
        known = {str(name): parts for name, parts in self.template.options.items()}
        with self._all_there():
            return [arguments(step, values, known, options) for step in steps]

    def text(self, text: str, values: Mapping[str, str]) -> str:
        """Return a text with its placeholders replaced; raises UsageError for a fact that a volume does not have."""
        with self._all_there():
            return filled(text, values)

    @contextmanager
    def _all_there(self) -> Iterator[None]:
        """A template is read only where all its placeholders are known, so what is missing is a fact of a volume."""
        try:
            yield
        except KeyError as missing:
            what = f"{{{missing.args[0]}}}: the volume has no such thing; use another placeholder"
            raise UsageError(f"{self.file}: {what}, or see what {self.target} gives its units") from None

    def _complete(self, key: str, values: dict[str, str]) -> dict[str, str]:
        for name, value in values.items():
            if not value or not value.isprintable():
                what = "is missing; the template needs it" if not value else "has characters that cannot be printed"
                raise UsageError(f"{self.target}: {key}.{name}: {what} ({self.file})")
        return values

    def _strangers(self, key: str, given: Mapping[str, str], known: Mapping[str, str]) -> None:
        for name in given:
            if name not in known:
                allowed = ", ".join(known) or "none"
                raise UsageError(f"{self.target}: {key}.{name}: the template has no such name; allowed: {allowed}")


def chosen(request: PairRequest) -> frozenset[OptionName]:
    """Return the options that an order has."""
    quick = request.kind is SplitKind.QUICK
    has: dict[OptionName, bool] = {
        "pace": bool(request.pace),
        "group": bool(request.group),
        "quick": quick,
        "steady": not quick,
        "whole_group": request.whole_group,
        "one_pair": not request.whole_group,
    }
    return frozenset(name for name, there in has.items() if there)


def _shows(text: str, option: OptionName) -> bool:
    """Whether an argument differs by an option; of a whole group speaks too what is left out of it."""
    by = ("whole_group", "one_pair") if option == "whole_group" else (option,)
    return text in {f"{{?{name}}}" for name in by} or f"{{{option}}}" in text


def _beyond(request: PairRequest) -> list[OptionName]:
    """The options that change what a plain order means."""
    return sorted(chosen(request) - {"steady", "one_pair"})
