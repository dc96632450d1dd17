"""The command line `comity`: looks at journals and deciders. Needs the extra: comity[cli]."""

__all__ = ["main"]


def main() -> None:
    """Run the command line; without Typer and rich installed, say how to get them."""
    try:
        from comity.cli.app import run  # noqa: PLC0415 - typer and rich may be missing
    except ModuleNotFoundError as error:
        if error.name not in {"rich", "typer"}:
            raise
        hint = 'pip install "comity[cli]"'
        raise SystemExit(f"comity: the command line needs typer and rich: {hint}") from None
    raise SystemExit(run())
