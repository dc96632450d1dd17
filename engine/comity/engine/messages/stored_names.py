"""The names under which fields are stored, if they were renamed. Values and the codec use it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast, get_args

from comity.engine.errors import Invalid, WiringError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class StoredAs:
    """Marks a renamed field: it goes on under the name that it had, so old programs read it too.

    Example:
        class CardAdded(Event):
            card: Key[str]
            title: Annotated[str, StoredAs("name")]
    """

    name: str


@dataclass(frozen=True, slots=True)
class StoredNames:
    """The names under which the fields of a class are stored."""

    kind: str = ""
    """The name of the class, for errors."""
    names: tuple[str, ...] = ()
    """One for each field, in order."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """The fields that are stored under other names, by these."""

    @classmethod
    def of(cls, kind: str, fields: Mapping[str, FieldInfo]) -> StoredNames:
        """Return the names that a class declares.

        Raises:
            WiringError: a name is no word, two fields have one name, or a mark is inside of a type.
        """
        names = {own: _stored_name(own, info, f"{kind}.{own}") for own, info in fields.items()}
        taken: dict[str, str] = {}
        for own, name in names.items():
            other = name if name != own and name in names else taken.get(name)
            if other is not None:
                msg = (
                    f"{kind}: {other} and {own} are both stored as {name}; give each field a "
                    "stored name of its own"
                )
                raise WiringError(msg)
            taken[name] = own
        renamed = {name: own for name, own in taken.items() if name != own}
        return cls(kind, tuple(names.values()), renamed)

    def own(self, fields: dict[str, object]) -> dict[str, object]:
        """Return stored fields under the names that the class gives them; unknown fields stay.

        Raises:
            Invalid: a field has a name under which the class stores no field.
        """
        for stored, own in self.renamed.items():
            if own in fields:
                msg = f"{self.kind}.{own} is stored as {stored}, and not as {own}"
                raise Invalid(msg)
        return {self.renamed.get(name, name): value for name, value in fields.items()}

    def either(self, fields: Mapping[str, object]) -> dict[str, object]:
        """Return fields under the names that the class gives them, from these or stored names.

        Raises:
            Invalid: one field has both names.
        """
        named: dict[str, object] = {}
        for given, value in fields.items():
            name = self.renamed.get(given, given)
            if name in named:
                msg = f"{self.kind}.{name} is given twice, also under its stored name; give one"
                raise Invalid(msg)
            named[name] = value
        return named


def _stored_name(own: str, info: FieldInfo, where: str) -> str:
    if _mentions_mark(info.annotation):
        msg = f"{where}: StoredAs marks a whole field; write Annotated[X, StoredAs(...)] outermost"
        raise WiringError(msg)
    if any(mark is StoredAs for mark in info.metadata):
        raise WiringError(f"{where}: expected StoredAs('name') with the field's old name")
    marks = [mark.name for mark in info.metadata if isinstance(mark, StoredAs)]
    if len(marks) > 1:
        msg = f"{where}: expected one StoredAs, got {len(marks)}; keep the name that is stored"
        raise WiringError(msg)
    for name in cast("list[object]", marks):
        if not isinstance(name, str) or not name.isidentifier():
            msg = f"{where}: expected StoredAs('name') with the field's old name, got {name!r}"
            raise WiringError(msg)
    return marks[0] if marks else own


def _mentions_mark(annotation: object) -> bool:
    inner = get_args(annotation)
    return any(isinstance(one, StoredAs) or _mentions_mark(one) for one in inner)
