"""A domain whose rows gain a field: it goes on, and a process of the program before reads on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from comity.actors import Domain, ReadModels
from comity.engine import Command, Decider, Event, Key, ReadModelError, Recorded
from comity.readmodels import ReadModel, Row, Table

ROOT = Path(__file__).parents[2]


class Write(Command):
    page: Key[str]
    text: str


class Star(Command):
    page: Key[str]


class Written(Event):
    page: Key[str]
    text: str


class Starred(Event):
    page: Key[str]
    touches = "stars/{page}"


def decide(state: tuple[str, ...], command: Write | Star) -> Iterator[Written | Starred]:
    match command:
        case Write(page=page, text=text):
            yield Written(page=page, text=text)
        case Star(page=page):
            yield Starred(page=page)


def evolve(state: tuple[str, ...], event: Written | Starred) -> tuple[str, ...]:
    return (*state, event.page)


book = Decider("book", tuple[str, ...], decide, evolve)


class PageRow(Row):
    page: str
    text: str


class Before(ReadModel[Written]):
    stored_as = "Pages"
    map_size = 1 << 26
    rows = Table(PageRow, key=lambda row: row.page)
    by_text = rows.index(lambda row: row.text)

    def project(self, event: Written, at: Recorded) -> None:
        self.rows.put(PageRow(page=event.page, text=event.text))


class StarredRow(Row):
    page: str
    text: str
    stars: int = 0


class After(ReadModel[Written | Starred]):
    stored_as = "Pages"
    map_size = 1 << 26
    rows = Table(StarredRow, key=lambda row: row.page, gained=["stars"])
    by_text = rows.index(lambda row: row.text)

    def project(self, event: Written | Starred, at: Recorded) -> None:
        match event:
            case Written(page=page, text=text):
                self.rows.put(StarredRow(page=page, text=text))
            case Starred(page=page):
                self.rows.update(page, stars=self.rows[page].stars + 1)


def send(domain: Domain, *commands: Write | Star) -> int:
    """Send them; returns the position after them."""
    position = 0
    for command in commands:
        position = domain.aggregate(book, "b").send(command).result(20).position
    return position


def test_a_domain_goes_on_with_rows_that_have_gained_a_field(tmp_path: Path) -> None:
    with Domain.open(tmp_path, deciders=[book], read_models=[Before]) as domain:
        end = send(domain, Write(page="p", text="old"), Write(page="q", text="old"))
        domain.read(Before, after=end, timeout=20).close()
    with Domain.open(tmp_path, deciders=[book], read_models=[After]) as domain:
        with domain.read(After) as pages:
            assert [row.stars for row in pages.rows.all()] == [0, 0]
        with domain.watch(After.rows["p"]) as watch:
            assert next(watch).row == StarredRow(page="p", text="old")
            end = send(domain, Star(page="p"), Star(page="p"), Write(page="r", text="new"))
            update = next(watch)
            assert update.row is not None
            assert update.row.stars in (1, 2)
        with domain.read(After, after=end, timeout=20) as pages:
            assert [row.stars for row in pages.rows.all()] == [2, 0, 0]
            assert [row.page for row in pages.by_text["old"]] == ["p", "q"]
        assert domain.model(After).status().progress is None
    assert [each.name for each in (tmp_path / "models" / "Pages").glob("g*")] == ["g000001"]


READER = """
import sys
from comity.actors import ReadModels
from tests.actors.test_growing_rows import Before
with ReadModels.open(sys.argv[1], [Before]) as models:
    for line in sys.stdin:
        with models.read(Before, after=int(line), timeout=20) as pages:
            print([(row.page, row.text) for row in pages.rows.all()], flush=True)
"""


def test_a_process_of_the_program_before_reads_on(tmp_path: Path) -> None:
    with (
        Domain.open(tmp_path, deciders=[book], read_models=[Before]) as domain,
        subprocess.Popen(
            [sys.executable, "-c", READER, str(tmp_path)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        ) as reader,
    ):  # fmt: skip
        assert reader.stdin is not None
        assert reader.stdout is not None
        reader.stdin.write(f"{send(domain, Write(page='p', text='old'))}\n")
        assert reader.stdout.readline() == "[('p', 'old')]\n"
        domain.close()
        with Domain.open(tmp_path, deciders=[book], read_models=[After]) as newer:
            end = send(newer, Star(page="p"), Write(page="q", text="new"))
            newer.read(After, after=end, timeout=20).close()
            reader.stdin.write(f"{end}\n")
            assert reader.stdout.readline() == "[('p', 'old'), ('q', 'new')]\n"
        reader.stdin.close()


def test_a_process_that_starts_before_the_domain_goes_on_is_told_to_wait(tmp_path: Path) -> None:
    with Domain.open(tmp_path, deciders=[book], read_models=[Before]) as domain:
        end = send(domain, Write(page="p", text="old"))
        domain.read(Before, after=end, timeout=20).close()
    with (
        ReadModels.open(tmp_path, [After]) as models,
        pytest.raises(ReadModelError, match="wait until the domain has"),
    ):
        models.read(After)
