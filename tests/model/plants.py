"""Violations planted into recorded histories. Each is one by its very construction, whatever the moments of writes and
splits were; a plant returns None where the history has no place for it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import product

from tests.model.recorder import BLOCKS, VOLUMES, Image, Place, Put, Recording, Stamp, replayed

Plant = Callable[[Recording, random.Random], Recording | None]
Change = tuple[int, Place, Stamp | None]


def changed(recording: Recording, index: int, image: Image) -> Recording:
    splits = list(recording.splits)
    splits[index] = replace(splits[index], image=image)
    return Recording(recording.puts, splits, recording.log)


def any_of(recording: Recording, rng: random.Random, changes: Iterable[Change]) -> Recording | None:
    """Make one of the changes to a block of an image."""
    choice = list(changes)
    if not choice:
        return None
    index, place, stamp = rng.choice(choice)
    return changed(recording, index, recording.splits[index].image | {place: stamp})


def covering(recording: Recording) -> dict[Place, list[Put]]:
    found: dict[Place, list[Put]] = {(v, lba): [] for v, lba in product(VOLUMES, range(BLOCKS))}
    for put in recording.puts:
        for place in put.places:
            found[place].append(put)
    return found


def replaced(recording: Recording) -> Iterator[tuple[Place, Put, Put]]:
    """Yield blocks with a write, and one that had completed before it was invoked."""
    for place, puts in covering(recording).items():
        yield from ((place, old, new) for old, new in product(puts, puts) if old.before(new))


def shown(recording: Recording, index: int) -> dict[Place, Put]:
    """The write that each block of an image shows."""
    by_stamp = {put.stamp(place): put for put in recording.puts for place in put.places}
    return {place: by_stamp[stamp] for place, stamp in recording.splits[index].image.items() if stamp}


def completed_write_missing(recording: Recording, rng: random.Random) -> Recording | None:
    return any_of(
        recording,
        rng,
        (
            (index, place, old.stamp(place))
            for place, old, new in replaced(recording)
            for index, split in enumerate(recording.splits)
            if new.completed is not None and new.completed < split.invoked
        ),
    )


def block_lost_its_stamp(recording: Recording, rng: random.Random) -> Recording | None:
    place = rng.choice(VOLUMES), rng.randrange(BLOCKS)
    return any_of(recording, rng, [(rng.randrange(len(recording.splits)), place, None)])


def future_writes(recording: Recording) -> Iterator[tuple[int, Place, Put]]:
    for index, split in enumerate(recording.splits):
        for put in recording.puts:
            if put.invoked > split.completed:
                yield from ((index, place, put) for place in put.places)


def future_write_present(recording: Recording, rng: random.Random) -> Recording | None:
    found = ((i, place, put.stamp(place)) for i, place, put in future_writes(recording) if put.completed is not None)
    return any_of(recording, rng, found)


def future_unanswered_write_present(recording: Recording, rng: random.Random) -> Recording | None:
    found = ((i, place, put.stamp(place)) for i, place, put in future_writes(recording) if put.completed is None)
    return any_of(recording, rng, found)


def dependents(recording: Recording) -> Iterator[tuple[int, Place, Put, Put, Put]]:
    """Yield images that show a last write while a new one, completed before the last one's invocation and while the
    split ran, replaces an old one in another block: (split, block, old, new, last)."""
    pairs = list(replaced(recording))
    for index, split in enumerate(recording.splits):
        image = shown(recording, index)
        last = max(image.values(), key=lambda put: put.invoked)
        alone = [place for place, put in image.items() if put == last]
        for place, old, new in pairs:
            if new.before(last) and new.completed is not None and new.completed > split.invoked and alone != [place]:
                yield index, place, old, new, last


def earlier_missing_on_the_same_volume(recording: Recording, rng: random.Random) -> Recording | None:
    found = (
        (i, place, old.stamp(place)) for i, place, old, _, last in dependents(recording) if last.volume == place[0]
    )
    return any_of(recording, rng, found)


def earlier_missing_on_another_volume(recording: Recording, rng: random.Random) -> Recording | None:
    found = (
        (i, place, old.stamp(place)) for i, place, old, _, last in dependents(recording) if last.volume != place[0]
    )
    return any_of(recording, rng, found)


def middle_block_missing_under_a_dependent(recording: Recording, rng: random.Random) -> Recording | None:
    """Only one block from the middle of a write is lost."""
    found = (
        (i, place, old.stamp(place))
        for i, place, old, new, last in dependents(recording)
        if new.lba < place[1] < new.end - 1
    )
    return any_of(recording, rng, found)


def proven_wrong(recording: Recording, index: int, image: Image) -> bool:
    """Whether two writes alone show that an image is no cut: one is missing, and one invoked after it had completed is
    there, or the split was."""
    split = recording.splits[index]
    seen = shown(changed(recording, index, image), index)
    last = max(put.invoked for put in seen.values())
    return last > split.completed or any(
        seen[place] == old and new.completed is not None and new.completed < max(last, split.invoked)
        for place, old, new in replaced(recording)
    )


def any_image(recording: Recording, rng: random.Random, images: Iterable[tuple[int, Image]]) -> Recording | None:
    """Put one of the images in place, at random among those that two writes prove wrong."""
    choice = list(images)
    rng.shuffle(choice)
    return next((changed(recording, i, image) for i, image in choice if proven_wrong(recording, i, image)), None)


def with_volume_of(image: Image, other: Image, volume: int) -> Image:
    return {place: (other if place[0] == volume else image)[place] for place in image}


def with_upper_half_of(image: Image, other: Image) -> Image:
    return {place: (other if place[1] >= BLOCKS // 2 else image)[place] for place in image}


def moved_volume(recording: Recording, rng: random.Random, positions: Callable[[int], range]) -> Recording | None:
    """One volume of the group has the image of another moment while the split ran."""
    images = (
        (index, with_volume_of(split.image, replayed(recording.log, position), volume))
        for index, split in enumerate(recording.splits)
        for position in positions(index)
        for volume in VOLUMES
    )
    return any_image(recording, rng, images)


def one_volume_split_earlier(recording: Recording, rng: random.Random) -> Recording | None:
    splits = recording.splits
    return moved_volume(recording, rng, lambda index: range(splits[index].earliest, splits[index].position))


def one_volume_split_later(recording: Recording, rng: random.Random) -> Recording | None:
    splits = recording.splits
    return moved_volume(recording, rng, lambda index: range(splits[index].position + 1, splits[index].latest + 1))


def image_mixes_two_cuts(recording: Recording, rng: random.Random) -> Recording | None:
    """The upper half of all volumes comes from the next split."""
    images = [split.image for split in recording.splits]
    mixed = [(i, with_upper_half_of(images[i], images[i + 1])) for i in range(len(images) - 1)]
    return any_image(recording, rng, mixed)


def image_left_from_the_split_before(recording: Recording, rng: random.Random) -> Recording | None:
    images = [split.image for split in recording.splits]
    return any_image(recording, rng, [(i + 1, images[i]) for i in range(len(images) - 1)])


def images_of_two_splits_exchanged(recording: Recording, rng: random.Random) -> Recording | None:
    first, second = recording.splits[:2]
    half = any_image(recording, rng, [(0, second.image)])
    return half and changed(half, 1, first.image)


def writer_lost_while_the_split_ran(recording: Recording, rng: random.Random) -> Recording | None:
    """The image lacks all that one writer did since the split began."""
    writers = {put.writer for put in recording.puts}
    images = []
    for (index, split), lost in product(enumerate(recording.splits), writers):
        kept = [stamp for stamp in recording.log[split.earliest : split.position] if stamp[2] // 1000 != lost]
        images.append((index, replayed(recording.log[: split.earliest] + kept, len(recording.log))))
    return any_image(recording, rng, images)


def stamps(recording: Recording) -> list[tuple[int, Place, Stamp]]:
    return [(i, place, stamp) for i, s in enumerate(recording.splits) for place, stamp in s.image.items() if stamp]


def block_of_another_volume(recording: Recording, rng: random.Random) -> Recording | None:
    return any_of(recording, rng, ((i, (v % len(VOLUMES) + 1, lba), s) for i, (v, lba), s in stamps(recording)))


def block_of_another_address(recording: Recording, rng: random.Random) -> Recording | None:
    return any_of(recording, rng, ((i, (v, (lba + 1) % BLOCKS), s) for i, (v, lba), s in stamps(recording)))


def stamp_with_another_volume(recording: Recording, rng: random.Random) -> Recording | None:
    found = stamps(recording)
    return any_of(recording, rng, ((i, place, (v % len(VOLUMES) + 1, lba, g)) for i, place, (v, lba, g) in found))


def stamp_with_the_next_address(recording: Recording, rng: random.Random) -> Recording | None:
    """A write of several blocks shows one block off."""
    found = stamps(recording)
    return any_of(recording, rng, ((i, place, (v, lba + 1, g)) for i, place, (v, lba, g) in found))


def generation_never_issued(recording: Recording, rng: random.Random) -> Recording | None:
    return any_of(recording, rng, ((i, place, (*place, 999_999)) for i, place, _ in stamps(recording)))


def write_spilled_over_its_end(recording: Recording, rng: random.Random) -> Recording | None:
    """The block behind a write carries its stamp."""
    ends = ((put, (put.volume, put.end)) for put in recording.puts if put.end < BLOCKS)
    return any_of(recording, rng, ((len(recording.splits) - 1, place, put.stamp(place)) for put, place in ends))


def unanswered_write_seen_and_gone(recording: Recording, rng: random.Random) -> Recording | None:
    """A write without an answer shows in one image, and in a later one what it had replaced."""
    seen = [shown(recording, index) for index in range(len(recording.splits))]
    found = (
        (later, place, old.stamp(place))
        for place, old, new in replaced(recording)
        for index, later in ((0, 1), (0, 2), (1, 2))
        if new.completed is None and seen[index][place] == new
    )
    return any_of(recording, rng, found)


def block_there_and_away_and_there(recording: Recording, rng: random.Random) -> Recording | None:
    """The first and the last image show a write, and the one between shows another."""
    images = [split.image for split in recording.splits]
    found = (
        (1, place, put.stamp(place))
        for place, puts in covering(recording).items()
        for put in puts
        if images[0][place] == images[2][place] != put.stamp(place)
    )
    return any_of(recording, rng, found)


PLANTS: tuple[Plant, ...] = (
    completed_write_missing,
    block_lost_its_stamp,
    future_write_present,
    future_unanswered_write_present,
    earlier_missing_on_the_same_volume,
    earlier_missing_on_another_volume,
    middle_block_missing_under_a_dependent,
    one_volume_split_earlier,
    one_volume_split_later,
    image_mixes_two_cuts,
    image_left_from_the_split_before,
    images_of_two_splits_exchanged,
    writer_lost_while_the_split_ran,
    block_of_another_volume,
    block_of_another_address,
    stamp_with_another_volume,
    stamp_with_the_next_address,
    generation_never_issued,
    write_spilled_over_its_end,
    unanswered_write_seen_and_gone,
    block_there_and_away_and_there,
)


def atomic_write_torn(recording: Recording, rng: random.Random) -> Recording | None:
    """Of a write that an image shows, one block is what had been there before."""

    def changes() -> Iterator[Change]:
        pairs = list(replaced(recording))
        for index in range(len(recording.splits)):
            seen = shown(recording, index)
            for place, old, new in pairs:
                if sum(put == new for other, put in seen.items() if other != place):
                    yield index, place, old.stamp(place)

    return any_of(recording, rng, changes())


def atomic_writes_hide_each_other(recording: Recording, rng: random.Random) -> Recording | None:
    """Two writes that share two blocks show in one each."""
    covered = covering(recording)
    for (volume, lba), puts in rng.sample(sorted(covered.items()), len(covered)):
        beside = covered.get((volume, lba + 1), [])
        both = [put for put in puts if put in beside]
        if len(both) > 1:
            first, second = rng.sample(both, 2)
            index = rng.randrange(len(recording.splits))
            places: Image = {
                (volume, lba): first.stamp((volume, lba)),
                (volume, lba + 1): second.stamp((volume, lba + 1)),
            }
            return changed(recording, index, recording.splits[index].image | places)
    return None


ATOMIC_PLANTS: tuple[Plant, ...] = (atomic_write_torn, atomic_writes_hide_each_other)
