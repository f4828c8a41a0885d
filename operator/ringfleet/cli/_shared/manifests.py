"""Reading manifests from files, folders and standard input, as `kubectl apply -f` takes them.

Of a folder, its .yaml, .yml and .json files are read in the order of their names, without those of deeper folders. What
stands there beside manifests (a document without apiVersion and kind) is left out; in a file that was named, it is an
error.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import click
import yaml

from ringfleet.cli._shared.kubectl_yaml import Document, read_documents
from ringfleet.dryrun.server import Manifest

STDIN = Path("-")
_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def read_manifests(paths: Iterable[Path]) -> tuple[Manifest, ...]:
    """All objects of the files and folders, in their order; lists are taken apart.

    Raises:
        click.ClickException: a file can't be read, is no YAML, or holds no manifest.
    """
    found = tuple(manifest for path in paths for manifest in _manifests(path))
    if not found:
        raise click.ClickException(f"no manifest in {', '.join(map(str, paths))}: name a file or folder with -f")
    return found


def _manifests(path: Path) -> Iterator[Manifest]:
    if not path.is_dir():
        yield from _of_file(path, strict=True)
        return
    for file in sorted(path.iterdir()):
        if file.suffix in _SUFFIXES and file.is_file():
            yield from _of_file(file, strict=False)


def _of_file(path: Path, *, strict: bool) -> Iterator[Manifest]:
    for document in _documents(path):
        body = document.value
        if isinstance(body, dict) and body.get("apiVersion") and body.get("kind"):
            if body["kind"] != "List":
                yield Manifest(str(path), body, document.unquoted)
            for at, item in enumerate(body.get("items") or [] if body["kind"] == "List" else []):
                yield Manifest(str(path), item, _within(f"items[{at}].", document.unquoted))
        elif strict:
            raise click.ClickException(f"{path}: a document in it is no manifest: it lacks apiVersion or kind")


def _within(prefix: str, unquoted: Mapping[str, str]) -> Mapping[str, str]:
    return {path.removeprefix(prefix): text for path, text in unquoted.items() if path.startswith(prefix)}


def _documents(path: Path) -> list[Document]:
    try:
        return read_documents(sys.stdin.buffer.read() if path == STDIN else path.read_bytes())
    except OSError as error:
        raise click.ClickException(f"can't read {path}: {error}") from error
    except yaml.YAMLError as error:
        raise click.ClickException(f"{path} is no YAML: {' '.join(str(error).split())}") from error
