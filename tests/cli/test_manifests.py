"""`ringfleet plan -f` reads a file as kubectl does, byte order marks and YAML's surprises included."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from ringfleet.cli._shared.kubectl_yaml import read_documents
from ringfleet.cli._shared.manifests import read_manifests

POOL = "apiVersion: ringfleet.dev/v1alpha1\nkind: NumberPool\nmetadata: {name: west}\n"
SURPRISES = [
    "21:00",
    "21:00:30.5",
    "2026-01-01",
    "2026-01-01T10:00:00Z",
    "08:15",
    "NO",
    "off",
    "y",
    "N",
    "Off",
    "on",
    "Yes",
    "true",
    "FALSE",
    "010",
    "0o17",
    "1_000",
    "0x1F",
    "0b11",
    "+5",
    "1e3",
    ".5",
    "1.",
    "1.0",
    "12e03",
    "1_0.5",
    "08",
    "0_8",
    "-0x1",
    "1.5E+3",
    "-7",
    "~",
    "Null",
    "null",
    "=",
    "UK",
    "+14155550123",
    '"off"',
    "'21:00'",
    "030",
    "1.2.3",
    "-",
    "0.0.0.0",
]


def test_every_scalar_is_what_kubectl_makes_of_it(kubectl: Callable[..., str]) -> None:
    data = "".join(f"  k{at}: {word}\n" for at, word in enumerate(SURPRISES) if word != "-") + "  empty:\n"
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: words}}\ndata:\n{data}"
    by_kubectl = json.loads(kubectl("annotate", "--local", "-f", "-", "a=b", "-o", "json", stdin=text))["data"]
    (ours,) = read_documents(text.encode())
    assert json.loads(json.dumps(ours.value["data"])) == by_kubectl


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
def test_a_file_is_read_in_each_encoding_that_kubectl_reads(tmp_path: Path, encoding: str) -> None:
    text = f"{POOL}spec: {{comment: Zürich}}\n---\n{POOL}"
    mark = "\ufeff" if encoding == "utf-16-le" else ""
    (tmp_path / "pool.yaml").write_bytes((mark + text).encode(encoding))
    first, second = read_manifests([tmp_path / "pool.yaml"])
    assert (first.body["spec"], second.name) == ({"comment": "Zürich"}, "west")


def test_what_is_in_no_encoding_is_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "pool.yaml").write_bytes(b"kind: \xff\xfe\xff")
    with pytest.raises(click.ClickException, match=r"pool\.yaml is no YAML"):
        read_manifests([tmp_path / "pool.yaml"])


def test_words_that_yaml_makes_true_or_false_of_are_kept_with_their_paths(tmp_path: Path) -> None:
    spec = 'spec: {market: {country: NO, name: "off"}, codes: [1, on], suspend: true}\n'
    (tmp_path / "pool.yaml").write_text(f"{POOL}{spec}")
    (one,) = read_manifests([tmp_path / "pool.yaml"])
    assert one.unquoted == {"spec.market.country": "NO", "spec.codes[1]": "on"}


def test_in_a_list_each_object_keeps_its_own(tmp_path: Path) -> None:
    items = [{"apiVersion": "v1", "kind": "Thing", "metadata": {"name": name}} for name in ("a", "b")]
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": items}).replace('"b"', "off")
    (tmp_path / "list.yaml").write_text(text)
    assert [one.unquoted for one in read_manifests([tmp_path / "list.yaml"])] == [{}, {"metadata.name": "off"}]
