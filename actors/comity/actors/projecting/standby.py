"""Follows the generations of another leader's model, and compares them with the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from comity.actors.reading.foreign_model import ForeignModel
from comity.engine.errors import ModelDamaged, ModelInUse, NotReady
from comity.readmodels.projecting.lag import has_taken, is_lost

if TYPE_CHECKING:
    from pathlib import Path

    from comity.actors.projecting.leader import Leader
    from comity.engine.journal.journal import Journal
    from comity.readmodels.storage.environment import Environment
    from comity.readmodels.tables.read_model import AnyReadModel

M = TypeVar("M", bound="AnyReadModel")


class Standby(ForeignModel[M]):
    """A model that another process leads, and that this one may lead next.

    It is not used while this process leads, and begins again when it has stepped down. The
    arguments are those of `ForeignModel`.
    """

    _compared: Environment | None = None
    """The generation that was compared with the journal."""
    _barred = ""
    """Why the model is not read here any more; empty if it is."""
    _cut_off = False
    """Whether nothing is read here now, since a restore has cut off what the model has."""

    def follow(self, journal: Journal, led_by: str) -> None:
        """Open the generation that answers now, if there is one.

        Raises:
            ModelInUse: it has the events of another journal.
        """
        if self._barred:
            raise ModelInUse(self._barred)
        reader = self.access.reader
        try:
            reader.look()
        except (NotReady, ModelDamaged):  # its leader builds it anew
            return
        if reader.opened not in {None, self._compared}:
            self._compare(journal, led_by)

    def let_lead(self, home: Path) -> None:
        """Pass the last changes on, and keep readers from opening what the leader opens in `home`.

        Tables of another version, which are elsewhere, answer until those in `home` can.
        """
        self.look()
        reader = self.access.reader
        if reader.opened is None or reader.opened.path.parent == home:
            reader.use(reader.opened)

    def led(self, leader: Leader[M]) -> None:
        """Follow no more: this process leads. Watches that may lack a change read all again."""
        if leader.follower is not None:
            projection = leader.follower.projection
            self.end(projection.environment, projection.checkpoint.commits)

    def stand_by(self) -> None:
        """Follow another leader from now on, since this process leads no more."""
        self._compared = self.access.reader.opened
        self.access.reader.follow()
        self.begin()

    def _compare(self, journal: Journal, led_by: str) -> None:
        """Check that the leader follows the same journal, as soon as that can be told."""
        reader = self.access.reader
        checkpoint = reader.checkpoint()
        if is_lost(journal, checkpoint):  # whoever leads builds it anew
            reader.use(None)
            self._cut_off = True
            return
        if self._cut_off:
            reader.follow()
            self._cut_off = False
        if checkpoint.position == 0:
            return
        if not has_taken(journal, checkpoint):
            reader.use(None)
            self._barred = (
                f"{reader.folder.path} is led in {led_by}, and has the events of another journal: "
                "give this domain's models another folder, with models="
            )
            raise ModelInUse(self._barred)
        self._compared = reader.opened
