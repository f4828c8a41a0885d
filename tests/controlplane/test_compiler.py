"""What we rely on of the real `go`: it knows what is compiled, and keeps it when it is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.controlplane.build import BUILD_ENVIRONMENT, BUILD_FLAGS, cache_folder
from tests.controlplane.compiler import BuildFailed, Compiler, Survey
from tests.controlplane.toolchain import find_go
from tests.waiting import wait_until

ROOT = Path(__file__).parent.parent.parent
# Three packages, each of which needs the one before. None needs the standard library: that is what takes the time.
SOURCES = {
    "go.mod": "module tiny\n\ngo 1.26\n",
    "a/a.go": "package a\n\nfunc A() int { return 1 }\n",
    "b/b.go": 'package b\n\nimport "tiny/a"\n\nfunc B() int { return a.A() }\n',
    "c/c.go": 'package c\n\nimport "tiny/b"\n\nfunc C() int { return b.B() }\n',
}
# Runs each tool that it is given, but stops at the compilation of tiny/b as long as there is a file `stop`.
TOOL = """#!/bin/sh
case "$*" in
  *" -p tiny/b "*)
    if [ -e "{folder}/stop" ]; then
      echo $$ > "{folder}/pid"
      exec tail -f /dev/null > /dev/null
    fi ;;
esac
exec "$@"
"""
BUILDER = """
import signal, sys
from pathlib import Path
from tests.controlplane.compiler import Compiler, interruptible
signal.signal(signal.SIGINT, signal.default_int_handler)
go, module, scratch, *flags = sys.argv[1:]
with interruptible():
    Compiler(Path(go), Path(module), Path(scratch), flags, {}).build("tiny/c", Path(module, "out"), print)
"""

IN_THE_MIDST = """
import subprocess
class Started(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        print(self.pid, flush=True)
        signal.raise_signal(NUMBER)
subprocess.Popen = Started
"""


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Compiler:
    for name, text in SOURCES.items():
        path = tmp_path / "tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tool = tmp_path / "tool"
    tool.write_text(TOOL.format(folder=tmp_path))
    tool.chmod(0o755)
    for name, value in BUILD_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("GOCACHE", str(tmp_path / "gocache"))
    flags = (*BUILD_FLAGS, f"-toolexec='{tool}'")
    (tmp_path / "scratch").mkdir()
    go = find_go(cache_folder(os.environ).parent)
    return Compiler(go, tmp_path / "tiny", tmp_path / "scratch", flags, {})


def test_what_is_compiled_is_known_and_not_compiled_again(tiny: Compiler, tmp_path: Path) -> None:
    assert tiny.survey(["tiny/c"]) == Survey(3, frozenset({"tiny/a", "tiny/b", "tiny/c"}))
    told: list[str] = []
    tiny.build("tiny/b", tmp_path / "b", told.append)
    assert told == ["tiny/a", "tiny/b"]
    assert tiny.survey(["tiny/c"]) == Survey(3, frozenset({"tiny/c"}))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_keeps_what_is_compiled_and_leaves_no_process(
    tiny: Compiler, tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "stop").touch()
    command = [sys.executable, "-c", BUILDER, str(tiny.go), str(tiny.module), str(tiny.scratch), *tiny.flags]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as builder:
        pid = tmp_path / "pid"
        wait_until(lambda: pid.exists() and pid.read_text().endswith("\n"), "the compilation of tiny/b to begin")
        family = psutil.Process(builder.pid).children(recursive=True)
        builder.send_signal(number)
    assert builder.returncode != 0
    wait_until(lambda: not any(_runs(process) for process in family), "go and its compilers to be gone")
    (tmp_path / "stop").unlink()
    assert tiny.survey(["tiny/c"]) == Survey(3, frozenset({"tiny/b", "tiny/c"}))
    told: list[str] = []
    tiny.build("tiny/c", tmp_path / "c", told.append)
    assert told == ["tiny/b", "tiny/c"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_a_start_ends_go_too(tiny: Compiler, tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "stop").touch()
    builder = BUILDER.replace(
        "with interruptible", f"{IN_THE_MIDST.replace('NUMBER', str(int(number)))}with interruptible"
    )
    command = [sys.executable, "-c", builder, str(tiny.go), str(tiny.module), str(tiny.scratch), *tiny.flags]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode != 0
    assert not psutil.pid_exists(int(done.stdout))


def test_go_works_only_in_the_folder_that_it_is_given(tiny: Compiler, tmp_path: Path) -> None:
    seen: list[Path] = []
    tiny.build("tiny/b", tmp_path / "b", lambda _line: seen.extend(tiny.scratch.iterdir()))
    assert seen
    assert list(tiny.scratch.iterdir()) == []


def test_a_package_that_does_not_compile_is_an_error_with_what_go_said(tiny: Compiler, tmp_path: Path) -> None:
    (tiny.module / "b" / "b.go").write_text("package b\n\nvar B int = true\n")
    with pytest.raises(BuildFailed, match=r"go build of b failed:\n(.*\n)*.*cannot use true"):
        tiny.build("tiny/b", tmp_path / "b", lambda _line: None)
    assert not (tmp_path / "b").exists()


def test_a_module_that_is_not_to_be_had_is_an_error_with_what_go_said(tiny: Compiler) -> None:
    with pytest.raises(BuildFailed, match=r"go list failed:\n(.*\n)*.*nowhere"):
        tiny.survey(["tiny/nowhere"])


def _runs(process: psutil.Process) -> bool:
    """A process that has ended, but whose parent has not heard of it, is there and does not run."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
