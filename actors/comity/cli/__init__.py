"""The command line `comity`, for journals, deciders and read models. Needs comity[cli]."""

__all__ = ["main"]


def main() -> None:
    """Run the command line; if Typer or rich is missing, print how to install it.

    Ctrl-C while the modules are imported, which takes seconds on a busy machine, ends it silently.
    """
    try:
        from comity.cli.app import run  # noqa: PLC0415 - typer and rich may be missing
    except ModuleNotFoundError as error:
        if error.name not in {"rich", "typer"}:
            raise
        hint = 'pip install "comity[cli]"'
        raise SystemExit(f"comity: the command line needs typer and rich: {hint}") from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    raise SystemExit(run())
