"""The read models of one domain, each with its projector. The assembly owns them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from comity.actors.projecting.model_routes import ModelRoutes
from comity.actors.projecting.projector import Projector
from comity.actors.projecting.projector_actor import ProjectorActor
from comity.actors.reading.access import Access
from comity.actors.reading.lookout import Lookout
from comity.actors.runtime.callbacks import attempt
from comity.engine.arguments import check_several
from comity.engine.errors import WiringError
from comity.readmodels.generations.model_folder import ModelFolder
from comity.readmodels.tables.query import Selection
from comity.readmodels.tables.read_model import AnyReadModel, is_read_model

if TYPE_CHECKING:
    from comity.actors.aggregates.services import Services
    from comity.engine.merging.decider import AnyDecider
    from comity.engine.sharing.member import Member
    from comity.readmodels.tables.row import Row

M = TypeVar("M", bound="AnyReadModel")
R = TypeVar("R", bound="Row")

_log = logging.getLogger("comity")


class Models:
    """The projectors of a domain, by model.

    Args:
        services: the domain's services.
        models: the classes of the models.
        deciders: the domain's deciders.
        folder: the folder of their tables.
        member: this process among those that share the journal; None if nobody shares it, so that
            this domain leads all models.
    """

    def __init__(
        self,
        services: Services,
        models: Sequence[type[AnyReadModel]],
        deciders: Sequence[AnyDecider],
        folder: Path | None,
        *,
        member: Member | None = None,
    ) -> None:
        self._now = services.monotonic
        self._projectors: dict[type[AnyReadModel], Projector[AnyReadModel]] = {}
        check_models(models)
        services.recent.wanted = services.recent.wanted or bool(models)
        routes = {model: ModelRoutes(model, deciders) for model in models}
        self.lookout: Lookout | None = None
        """Looks at the models that other processes lead; None if nobody shares the journal."""
        if member is not None:
            self.lookout = Lookout(services.runtime, (), services.policy.snapshot, member)
        if models and folder is None:
            msg = (
                "read models need a folder for their tables, and this journal has none: pass "
                "models=, the path of a folder"
            )
            raise WiringError(msg)
        try:
            for model in models:
                place = ModelFolder(cast("Path", folder) / model.stored_as)
                actor = ProjectorActor(services, model, place, routes[model], self.lookout)
                self._projectors[model] = Projector(actor)
        except BaseException:
            self.close(1.0)
            raise

    def of(self, model: type[M]) -> Projector[M]:
        """The projector of a model.

        Raises:
            WiringError: the domain was opened without this model.
        """
        may_be = isinstance(cast("object", model), type)
        projector = self._projectors.get(cast("type[AnyReadModel]", model)) if may_be else None
        if projector is None:
            known = ", ".join(one.__name__ for one in self._projectors) or "none"
            msg = f"{model!r} is not among the read models of this domain ({known})"
            raise WiringError(msg)
        return cast("Projector[M]", projector)

    def watching(self, selection: Selection[R]) -> Access[AnyReadModel]:
        """The access to the model whose rows are selected."""
        return self.of(model_of(selection, self._projectors)).access

    def all(self) -> Iterable[Projector[AnyReadModel]]:
        """Every projector."""
        return self._projectors.values()

    @property
    def follows(self) -> bool:
        """Whether this domain leads any of them, so that it follows the journal."""
        return any(one.actor.keeper.leads for one in self._projectors.values())

    def wake(self) -> None:
        """Wake all projectors, because the journal has more events."""
        for projector in self._projectors.values():
            if projector.actor.keeper.leads:
                projector.actor.wake()

    def look_after(self) -> None:
        """Do the periodic work of each projector."""
        for projector in self._projectors.values():
            attempt(projector.actor.look_after)

    def close(self, timeout: float) -> None:
        """Flush and close all models, in at most about `timeout` seconds."""
        until = self._now() + timeout
        if self.lookout is not None:
            self.lookout.close()
        for projector in self._projectors.values():
            try:
                projector.actor.close(max(0.1, until - self._now()))
            except BaseException:
                _log.exception("%s could not be closed", projector.actor.actor_urn)

    def kill(self) -> None:
        """Close all models as a killed process does: only what is committed stays."""
        for projector in self._projectors.values():
            projector.actor.kill()

    def abandon(self) -> None:
        """In a forked child: leave everything to the parent."""
        for projector in self._projectors.values():
            projector.actor.abandon()


def check_models(models: Sequence[object]) -> Sequence[type[AnyReadModel]]:
    """Check that all items are read models with different names, and return them.

    Raises:
        WiringError: an item is not a read model, or two have the same name.
    """
    names: dict[str, type[AnyReadModel]] = {}
    for model in check_several(models, "read_models", WiringError):
        if not is_read_model(model):
            msg = (
                f"read_models is a list of classes that inherit from ReadModel[...], got {model!r}"
            )
            raise WiringError(msg)
        if model.stored_as in names:
            msg = f"two read models are stored as {model.stored_as!r}; give one another stored_as"
            raise WiringError(msg)
        names[model.stored_as] = model
    return list(names.values())


def model_of(selection: Selection[R], models: Iterable[type[AnyReadModel]]) -> type[AnyReadModel]:
    """The model whose table the selection is from.

    Raises:
        WiringError: the table belongs to none of these models, or to several.
    """
    if not isinstance(cast("object", selection), Selection):
        msg = f"expected a selection, such as Cards.rows.all(), got {selection!r:.100}"
        raise WiringError(msg)
    table = selection.question.source.table
    found = [model for model in models if any(table is one for one in model.schema.tables)]
    if len(found) > 1:
        names = " and ".join(one.__name__ for one in found)
        msg = f"{selection!r} is of {names}, which inherit it: declare it in each to watch one"
        raise WiringError(msg)
    if found:
        return found[0]
    known = ", ".join(one.__name__ for one in models) or "none"
    msg = f"{selection!r} is not of a read model that is open here ({known})"
    raise WiringError(msg)
