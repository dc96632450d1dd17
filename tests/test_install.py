"""`scripts/install` makes what a lock lists, or says what is in the way, and believes nothing half.

Each test has a project of its own with small locks. Where the installer matters it is pip, which
takes wheels that are made here; elsewhere it is a stand-in for uv, which installs by name alone.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = "bash awk cat chmod cksum cut dirname env grep head mkdir paste rm sed sh sleep sort touch"
LONG = 240
"""Seconds after which nothing will come any more."""

pytestmark = pytest.mark.timeout(300)  # on a busy machine pip takes its time

STAND_IN = r"""#!/usr/bin/env bash
# uv as far as scripts/install uses it. It waits at the file named hold, and notes what it does.
set -euo pipefail
trap 'exit 130' INT # else it goes on where a sleep is just over
here=$(dirname "$0")
case "$*" in
    --version) echo "uv 99" ;;
    "python list"*) ;;
    venv*)
        echo venv >>"$here/done"
        "$4" -m venv --without-pip "$5" ;;
    "pip check"*) # as uv does, it takes a package without this file for a broken one
        packages=$("$5" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
        for about in "$packages"/*.dist-info; do cat "$about/WHEEL" >/dev/null; done ;;
    "pip install"*)
        touch "$here/begun"
        while [ -e "$here/hold" ]; do sleep 0.02; done
        python=$6; lock=${10}
        packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
        for name in $(sed -n 's/==.*//p' "$lock"); do
            about=$packages/$name-1.dist-info
            mkdir -p "$about"
            printf 'Metadata-Version: 2.1\nName: %s\nVersion: 1\n' "$name" >"$about/METADATA"
            touch "$about/WHEEL"
        done
        echo "$lock" >>"$here/done" ;;
    *) exit 2 ;;
esac
"""


class Project:
    """A project of its own, in a folder whose name has a blank, with a stand-in for uv."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "a project"
        self.started: list[subprocess.Popen[str]] = []
        self.bin = folder / "bin"
        self.wheels = folder / "wheels"
        self.pythons = folder / "pythons"
        requirements, home = self.root / "requirements", folder / "home"
        for made in (self.bin, self.pythons, self.wheels, requirements, home):
            made.mkdir(parents=True)
        shutil.copytree(ROOT / "scripts", self.root / "scripts")
        (self.root / "pyproject.toml").write_text('version = "1.2"\n')
        command = self.root / "actors" / "comity" / "cli" / "__main__.py"
        command.parent.mkdir(parents=True)
        command.write_text("import sys; print('comity', *sys.argv[1:])")
        for tool in TOOLS.split():
            found = shutil.which(tool)
            assert found
            (self.bin / tool).symlink_to(found)
        program(self.bin / "uv", STAND_IN)
        (self.pythons / "python3").symlink_to(sys.executable)
        self.env = {
            "HOME": str(folder / "home"),
            "PATH": f"{self.pythons}:{self.bin}",
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
        }
        self.lock("run", "one")
        self.lock("dev", "one", "two")

    def lock(self, group: str, *names: str, needs: str = "", digest: str = "") -> None:
        """A lock that lists these packages, and their wheels."""
        text = ""
        for name in names:
            wheel = self.wheels / f"{name}-1-py3-none-any.whl"
            about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
            about += f"Requires-Dist: {needs}\n" if needs else ""
            tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            with zipfile.ZipFile(wheel, "w") as into:
                into.writestr(f"{name}.py", "")
                into.writestr(f"{name}-1.dist-info/METADATA", about)
                into.writestr(f"{name}-1.dist-info/WHEEL", tags)
                into.writestr(f"{name}-1.dist-info/RECORD", "")
            found = digest or hashlib.sha256(wheel.read_bytes()).hexdigest()
            text += f"{name}==1 \\\n    --hash=sha256:{found}\n"
        (self.root / "requirements" / f"{group}.lock").write_text(text)

    def start(self, *words: str, **env: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [str(self.root / "scripts" / "install"), *words],
            cwd=self.root.parent,
            env=self.env | env,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.started.append(process)
        return process

    def install(self, *words: str, **env: str) -> tuple[int, str]:
        """The exit code, and what was said."""
        process = self.start(*words, **env)
        _, said = process.communicate(timeout=LONG)
        return process.returncode, said

    def has(self, name: str) -> bool:
        """Whether the environment's Python finds this package."""
        probe = f"import importlib.metadata as m; m.version({name!r})"
        python = self.root / ".venv" / "bin" / "python"
        return (
            python.exists()
            and not subprocess.run(
                [python, "-c", probe], capture_output=True, check=False
            ).returncode
        )

    @property
    def done(self) -> list[str]:
        """What the stand-in has done."""
        path = self.bin / "done"
        return path.read_text().split() if path.exists() else []

    def hold(self) -> None:
        (self.bin / "hold").touch()

    def let_go(self) -> None:
        (self.bin / "hold").unlink()

    def until_it_installs(self) -> None:
        until = time.monotonic() + LONG
        while not (self.bin / "begun").exists():
            assert time.monotonic() < until
            time.sleep(0.02)
        (self.bin / "begun").unlink()


def program(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    project = Project(tmp_path)
    yield project
    (project.bin / "hold").unlink(missing_ok=True)
    for process in project.started:
        process.communicate(timeout=LONG)


RUN, DEV = "requirements/run.lock", "requirements/dev.lock"

# --- with pip -------------------------------------------------------------------------------------


def test_pip_installs_what_the_lock_lists_whatever_its_settings_say(
    project: Project, tmp_path: Path
) -> None:
    away = {"PIP_TARGET": str(tmp_path / "away"), "PIP_USER": "1", "PIP_REQUIRE_VIRTUALENV": "1"}
    settings = tmp_path / "home" / ".config" / "pip" / "pip.conf"
    settings.parent.mkdir(parents=True)
    settings.write_text("[install]\nuser = true\n")
    code, said = project.install("run", UV="", PYTHONPATH=str(tmp_path), **away)
    assert (code, project.has("one"), project.has("two")) == (0, True, False), said
    code, said = project.install("dev", UV="", **away)
    assert (code, project.has("two"), "adding to .venv" in said) == (0, True, True), said
    assert not (tmp_path / "away").exists()


def test_what_has_another_hash_is_not_installed(project: Project) -> None:
    project.lock("run", "one", digest="0" * 64)
    code, said = project.install("run", UV="")
    assert code == 1
    assert "pip could not install what requirements/run.lock lists" in said
    assert not project.has("one")


def test_a_lock_that_is_not_complete_is_told(project: Project) -> None:
    project.lock("run", "one", needs="three")
    code, said = project.install("run", UV="")
    assert code == 1
    assert "requirements/run.lock is not complete: one 1 requires three" in said
    assert project.install("run", UV="")[0] == 1


def test_an_installer_that_puts_things_elsewhere_is_noticed(
    project: Project, tmp_path: Path
) -> None:
    settings = tmp_path / "pip.conf"
    settings.write_text(f"[install]\ntarget = {tmp_path / 'away'}\n")
    code, said = project.install("run", UV="", PIP_CONFIG_FILE=str(settings))
    assert (code, "look at its settings" in said) == (1, True), said


# --- what there is, is kept or made anew ----------------------------------------------------------


def test_what_is_whole_is_left_as_it_is(project: Project) -> None:
    assert project.install("run")[0] == 0
    (project.bin / "uv").unlink()
    assert project.install("run", PATH=str(project.bin)) == (0, "")  # nothing is looked for
    assert project.done == ["venv", RUN]


def test_an_environment_grows_and_is_then_enough_for_both(project: Project) -> None:
    for group in ("run", "dev", "run", "dev"):
        assert project.install(group)[0] == 0
    assert project.done == ["venv", RUN, DEV]
    assert project.has("two")


def test_a_changed_lock_makes_it_anew(project: Project) -> None:
    assert project.install("dev")[0] == 0
    project.lock("dev", "one", "three")
    assert project.install("dev")[0] == 0
    assert project.done == ["venv", DEV, "venv", DEV]
    assert (project.has("two"), project.has("three")) == (False, True)


def test_a_folder_that_was_moved_makes_it_anew(project: Project) -> None:
    assert project.install("run")[0] == 0
    project.root = project.root.rename(project.root.with_name("moved"))
    assert project.install("run")[0] == 0
    assert project.done == ["venv", RUN, "venv", RUN]


def test_a_python_that_is_gone_makes_it_anew(project: Project) -> None:
    assert project.install("run")[0] == 0
    python = project.root / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    assert project.install("run")[0] == 0
    assert project.has("one")


def test_the_command_runs_from_the_folder_with_a_blank(project: Project, tmp_path: Path) -> None:
    assert project.install("run")[0] == 0
    (tmp_path / "comity.py").write_text("raise SystemExit('not this one')")
    ran = subprocess.run(
        [project.root / ".venv" / "bin" / "comity", "stats", "a b"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == "comity stats a b\n"
    assert project.has("comity")


# --- interrupted, and two at once -----------------------------------------------------------------


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("group", ["run", "dev"])
def test_what_was_interrupted_is_made_anew(
    project: Project, group: str, by: signal.Signals
) -> None:
    if group == "dev":
        assert project.install("run")[0] == 0
        (project.bin / "begun").unlink()
    project.hold()
    process = project.start(group)
    project.until_it_installs()
    os.killpg(process.pid, by)  # as Ctrl-C does
    process.communicate(timeout=LONG)
    assert process.returncode != 0
    before = len(project.done)
    project.let_go()
    assert project.install("run")[0] == 0
    assert project.done[before:] == ["venv", RUN]


def test_two_at_once_do_it_once(project: Project) -> None:
    project.hold()
    first = project.start("run")
    project.until_it_installs()
    second = project.start("run")
    assert second.stderr
    assert "waiting for another one" in second.stderr.readline()
    project.let_go()
    assert (first.wait(LONG), second.wait(LONG)) == (0, 0)
    assert project.done == ["venv", RUN]


def test_the_next_waits_for_what_a_killed_one_has_left_running(project: Project) -> None:
    project.hold()
    first = project.start("run")
    project.until_it_installs()
    first.kill()  # uv goes on
    first.wait(LONG)
    second = project.start("run")
    assert second.stderr
    assert "waiting for another one" in second.stderr.readline()
    project.let_go()
    assert second.wait(LONG) == 0
    assert project.done == ["venv", RUN, "venv", RUN]


# --- which Python ---------------------------------------------------------------------------------

OLD = '#!/bin/sh\n[ "$1" != --version ] || echo Python 3.9.2\n'
SHIM = "#!/bin/sh\necho pyenv: command not found >&2\nexit 127\n"


@pytest.mark.parametrize("usual", [OLD, SHIM])
def test_a_newer_python_is_taken_where_the_usual_one_will_not_do(
    project: Project, usual: str
) -> None:
    program(project.pythons / "python3", usual)
    code, said = project.install("run")
    assert (code, "comity needs Python 3.11 or newer, and python3 is" in said) == (1, True)
    program(project.pythons / "python3.12", usual)
    (project.pythons / "python3.11").symlink_to(sys.executable)
    assert project.install("run")[0] == 0
    assert project.has("one")


@pytest.mark.parametrize("what", ["Python 3.9.2", "nothing that runs"])
def test_a_python_that_will_not_do_is_told(project: Project, what: str) -> None:
    named = "old" if "3.9" in what else "none"
    program(project.pythons / "old", OLD)
    code, said = project.install("run", PYTHON=named)
    assert code == 1
    assert f"needs Python 3.11 or newer, and {named} is {what}. Found here: " in said
    assert "No such file" not in said
    assert project.done == []


def test_without_what_makes_environments_it_is_said_how_to_get_it(project: Project) -> None:
    words = f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n'
    program(project.pythons / "python3", words)
    program(project.root / "scripts" / "pythons", f"#!/bin/sh\necho {project.pythons}/python3\n")
    code, said = project.install("run", UV="")
    assert (code, "apt install python3-venv" in said) == (1, True), said


@pytest.mark.parametrize("folder", ["/", "..", "a/.venv", ".venv-", "home", ".git", ".venv/.."])
def test_only_an_environment_is_ever_deleted(project: Project, folder: str) -> None:
    code, said = project.install("run", COMITY_VENV=folder)
    assert (code, project.done) == (1, [])
    assert ".venv or .venv-NAME" in said


def test_a_group_that_is_none_is_told(project: Project) -> None:
    assert project.install("all") == (1, "install: expected run, dev or peers, got all\n")
