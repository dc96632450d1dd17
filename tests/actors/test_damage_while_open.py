"""A row that turns out to be damaged while its model is open: told as such, and built anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.actors.notebook import NotebookEvent, Stamp, notebook
from tests.actors.shelf import Pages, folded, seen, stamp, take, until, write

from comity.actors import Domain, ReadModels
from comity.engine import Recorded
from comity.engine.errors import ModelDamaged, NotReady
from comity.engine.files.seal import SOUND
from comity.readmodels.generations.model_folder import MODELS, ModelFolder
from comity.readmodels.storage import reading
from comity.readmodels.storage.damage_mark import DAMAGED

TEXT = "a text that stands nowhere else"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "domain"


@pytest.fixture
def domain(path: Path) -> Iterator[Domain]:
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        end = write(domain, "b", "p", TEXT)
        domain.reached(Pages, end, timeout=60).result(60)
        yield domain


def folder(path: Path, model: type[Pages] = Pages) -> ModelFolder:
    return ModelFolder(path / MODELS / model.stored_as)


def damage(path: Path, model: type[Pages] = Pages) -> Path:
    """Flip a bit of each copy of the text in the model's file, as a disk may; which file it is."""
    generation = folder(path, model).current()
    assert generation is not None
    file = (generation / "data.mdb").resolve()
    data = file.read_bytes()
    places = [at for at in range(len(data)) if data.startswith(TEXT.encode(), at)]
    assert places
    with file.open("r+b") as opened:
        for at in places:
            opened.seek(at + 3)
            opened.write(bytes([data[at + 3] ^ 1]))
    return file


def right_soon(read: Callable[[], Pages]) -> list[str]:
    """What was said until the row was right again; it was never wrong."""
    said: list[str] = []

    def right() -> bool:
        try:
            with read() as pages:
                assert pages.rows["b", "p"].text == TEXT
        except (ModelDamaged, NotReady) as error:
            said.append(type(error).__name__)
            return False
        return True

    assert until(right)
    return said


def test_a_damaged_row_is_never_shown_and_the_model_is_built_anew(
    domain: Domain, path: Path
) -> None:
    damaged = damage(path)
    with domain.read(Pages) as pages, pytest.raises(ModelDamaged, match="not what was written"):
        pages.rows.get(("b", "p"))
    right_soon(lambda: domain.read(Pages))
    assert until(lambda: not damaged.exists())
    assert domain.model(Pages).status().error == ""
    last = stamp(domain, "b", "q", 3)
    with domain.read(Pages, after=last, timeout=60) as pages:
        assert pages.rows["b", "q"].stamps == 3


QUESTIONS: dict[str, Callable[[Pages], object]] = {
    "all rows": lambda pages: pages.rows.all().list(),
    "many rows": lambda pages: pages.rows.get_many([("b", "p")]),
    "an index": lambda pages: pages.by_text.all().list(),
    "a unique index": lambda pages: pages.by_change.all().reversed().list(),
    "a page": lambda pages: pages.rows.prefix("b").page(limit=5),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_shows_it(domain: Domain, path: Path, question: str) -> None:
    damage(path)
    with domain.read(Pages) as pages, pytest.raises(ModelDamaged):
        QUESTIONS[question](pages)
    right_soon(lambda: domain.read(Pages))


def test_commands_go_on_meanwhile(domain: Domain, path: Path) -> None:
    damage(path)
    with domain.read(Pages) as pages, pytest.raises(ModelDamaged):
        pages.rows.get(("b", "p"))
    assert domain.aggregate(notebook, "b").send(Stamp(page="p", stamps=1)).result(60).version == 2


class CarelessPages(Pages):
    """Whose `project` swallows whatever it meets."""

    def project(self, event: NotebookEvent, at: Recorded[NotebookEvent]) -> None:
        """One event."""
        with suppress(Exception):
            self.rows.all().list()
        take(self, event, at)


def test_a_model_that_swallows_the_error_while_it_projects_is_built_anew_too(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[CarelessPages]) as domain:
        end = write(domain, "b", "p", TEXT)
        domain.reached(CarelessPages, end, timeout=60).result(60)
        damaged = damage(path, CarelessPages)
        end = stamp(domain, "b", "p")
        assert until(lambda: not damaged.exists())
        with domain.read(CarelessPages, after=end, timeout=60) as pages:
            shown = seen(pages)
    assert shown == folded(path)


def test_another_process_that_notices_has_it_built_anew(domain: Domain, path: Path) -> None:
    generation = folder(path).current()
    assert generation is not None
    (generation / DAMAGED).touch()  # as a reader leaves it that has met damage
    assert until(lambda: not generation.exists() or not (generation / DAMAGED).exists())
    assert "ModelDamaged" not in right_soon(lambda: domain.read(Pages))


def test_damage_that_is_noticed_while_no_domain_runs_is_mended_when_one_opens(path: Path) -> None:
    with Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain:
        write(domain, "b", "p", TEXT)
        with domain.read(Pages, after=1, timeout=60) as pages:
            sound = seen(pages)
    with ReadModels.open(path, [Pages]) as models:
        with models.read(Pages) as pages:
            damage(path)
            with pytest.raises(ModelDamaged):
                pages.rows.get(("b", "p"))
        assert until(lambda: refuses(models))
    with (
        Domain.open(path, deciders=[notebook], read_models=[Pages]) as domain,
        domain.read(Pages, timeout=60) as pages,
    ):
        assert seen(pages) == sound


def refuses(models: ReadModels) -> bool:
    try:
        models.read(Pages, timeout=0.0).close()
    except NotReady:
        return True
    return False


def test_without_the_checksums_a_damaged_row_would_be_shown(
    domain: Domain, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage(path)
    monkeypatch.setattr(reading, "crc32", no_checksum)
    with domain.read(Pages) as pages:
        assert pages.rows["b", "p"].text != TEXT


def no_checksum(*_: object) -> int:
    return SOUND
