"""Turns the arguments of a query into a question about a model's table or index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeAlias, get_args

import typer

from comity.cli.key_words import KeyWords, by_type
from comity.engine import Invalid, Unserved
from comity.engine.lmdb.span import EVERYTHING, Span
from comity.readmodels.keys import encoding as keys
from comity.readmodels.tables.any_table import AnyIndex, AnyTable
from comity.readmodels.tables.question import Question
from comity.readmodels.tables.ranges import exactly
from comity.readmodels.tables.serving import serve

if TYPE_CHECKING:
    from comity.readmodels.storage.reading import Reading
    from comity.readmodels.tables.figure import AnyFigure
    from comity.readmodels.tables.read_model import AnyReadModel

Source: TypeAlias = AnyTable | AnyIndex

SourceName = Annotated[
    str | None,
    typer.Argument(
        metavar="TABLE|INDEX|FIGURES",
        help="A table, index or figures of the model; its table, if it has only one.",
        show_default=False,
    ),
]
WatchedName = Annotated[
    str | None,
    typer.Argument(
        metavar="TABLE|INDEX",
        help="A table or index of the model; its table, if it has only one.",
        show_default=False,
    ),
]
KeyParts = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY",
        help="The key, one word for each of its parts, or only the first parts.",
        show_default=False,
    ),
]
Prefix = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Only rows whose next part of the key starts with this."),
]
Since = Annotated[
    str | None,
    typer.Option("--from", metavar="PART", help="Only rows whose next part is this or later."),
]
Before = Annotated[
    str | None, typer.Option(metavar="PART", help="Only rows whose next part is earlier.")
]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD=VALUE", help="Only rows with this value, found by an index."),
]


class Asked(NamedTuple):
    """The arguments of a query after the model."""

    key: tuple[str, ...] = ()
    prefix: str | None = None
    since: str | None = None
    before: str | None = None
    where: tuple[str, ...] = ()
    scan: bool = False

    def of(self, source: Source, reading: Reading) -> Question:
        """The question about a table or index that these arguments ask.

        Raises:
            BadParameter: an argument is wrong; the text says what to type instead.
        """
        try:
            return self._question(source, reading)
        except Unserved as error:
            said = f"{error} (here: --scan)"
            raise typer.BadParameter(said) from None
        except Invalid as error:
            raise typer.BadParameter(str(error)) from None

    def _question(self, source: Source, reading: Reading) -> Question:
        by_key = (self.key, self.prefix, self.since, self.before) != ((), None, None, None)
        if self.where and not self.scan:
            if by_key or source is not source.table:
                msg = (
                    "--where chooses the index itself: name the table, without a key; or add "
                    "--scan to look at every row"
                )
                raise typer.BadParameter(msg)
            return serve(source.table, self._wanted(source.table))
        if self.scan and not self.where:
            msg = "--scan looks at every row: say what to look for with --where field=value"
            raise typer.BadParameter(msg)
        question = _stretch(source, KeyWords.of(source, reading), self)
        fields = self._wanted(source.table)
        return _looking_at_each(question, fields) if fields else question

    def _wanted(self, table: AnyTable) -> dict[str, object]:
        fields: dict[str, object] = {}
        for said in self.where:
            name, equals, word = said.partition("=")
            if not equals or name not in table.fields:
                known = ", ".join(table.codec.names)
                msg = f"--where: expected field=value with a field of {known}, got {said!r:.80}"
                raise typer.BadParameter(msg)
            annotation = table.row.model_fields[name].annotation
            none = not word and type(None) in get_args(annotation)
            fields[name] = None if none else by_type(annotation, f"--where {name}")(word)
        return fields


def find_source(model: type[AnyReadModel], name: str | None) -> Source | AnyFigure:
    """The table, index or figures with this name; without a name, the model's only table.

    Raises:
        BadParameter: there is none; the text lists all names.
    """
    schema = model.schema
    sources: dict[str, Source | AnyFigure] = {}
    for table in schema.tables:
        sources[table.name] = table
        sources.update({index.name: index for index in table.indexes})
    sources.update({figure.name: figure for figure in schema.figures})
    if name in sources:
        return sources[name]
    if name is None and len(schema.tables) == 1:
        return schema.tables[0]
    said = "say which" if name is None else f"there is no {name!r:.80}"
    msg = f"{said}: {model.__name__} has {', '.join(sources)}"
    raise typer.BadParameter(msg)


def _stretch(source: Source, words: KeyWords, asked: Asked) -> Question:
    """A question for the rows with this key, or whose key has these first parts, and within these
    for a range of the next part.
    """
    parts = words.read(asked.key)
    stretches = (asked.prefix, asked.since, asked.before) != (None, None, None)
    if words.whole(parts):
        if stretches:
            msg = "--prefix, --from and --before limit the next part of the key: type fewer parts"
            raise typer.BadParameter(msg)
        key = words.key(parts)
        return Question(source, exactly(key), f"at {key!r}")

    def bound(word: str) -> tuple[object, bytes]:
        value = words.read([*asked.key, word])[-1]
        return value, keys.prefix(*parts, value) if words.is_tuple else keys.encode(value)

    start = keys.prefix(*parts) if words.is_tuple else b""
    low, high = Span(start, keys.after(start)) if start else EVERYTHING
    said = [f"beginning with {', '.join(map(repr, parts))}"] if parts else []
    if asked.prefix is not None:
        value, _ = bound(asked.prefix)
        if not isinstance(value, str):
            msg = f"--prefix needs a text part in rising order; {source.name} has none there"
            raise typer.BadParameter(msg)
        low = start + keys.text_prefix(value)
        high = keys.after(low)
        said.append(f"starting with {value!r}")
    if asked.since is not None:
        value, data = bound(asked.since)
        low = max(low, data)
        said.append(f"from {value!r} on")
    if asked.before is not None:
        value, data = bound(asked.before)
        high = data if high is None else min(high, data)
        said.append(f"before {value!r}")
    return Question(source, Span(low, high), ", ".join(said) or "everything")


def _looking_at_each(question: Question, fields: Mapping[str, object]) -> Question:
    def wanted(row: object) -> bool:
        return all(getattr(row, name) == value for name, value in fields.items())

    said = ", ".join(f"{name} = {value!r}" for name, value in fields.items())
    return question._replace(words=f"{question.words}, where {said}", wanted=wanted)
