"""Which API server is found, and as whom."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from ringfleet.kube import config
from ringfleet.kube.client import Kube
from ringfleet.kube.config import Credentials, default_namespace, load_configuration
from ringfleet.kube.errors import NotConfigured
from tests.controlplane.certificates import Authority
from tests.controlplane.kubeconfig import Server, write_kubeconfig


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine on which nothing names an API server."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def a_kubeconfig(path: Path, host: str = "api.example") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return write_kubeconfig(path, Server(f"https://{host}:6443", None), "a-token")


async def test_a_named_kubeconfig_comes_before_the_environments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(a_kubeconfig(tmp_path / "other", "other")))
    assert (await load_configuration(a_kubeconfig(tmp_path / "named", "named"))).host == "https://named:6443"


async def test_the_environment_comes_before_the_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    in_a_pod(monkeypatch, tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(a_kubeconfig(tmp_path / "other", "other")))
    assert (await load_configuration()).host == "https://other:6443"


async def test_the_pod_comes_before_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    in_a_pod(monkeypatch, tmp_path)
    a_kubeconfig(tmp_path / "home/.kube/config", "home")
    async with Kube.connect() as kube:
        found = await kube.credentials()
    assert (found.server, found.scheme, found.token) == ("https://10.0.0.1:443", "Bearer", "pod-token")


async def test_the_home_folder_comes_last(tmp_path: Path) -> None:
    a_kubeconfig(tmp_path / "home/.kube/config", "home")
    async with Kube.connect() as kube:
        found = await kube.credentials()
    assert found == Credentials("https://home:6443", None, "Bearer", "a-token", None, None, insecure=False)


@pytest.mark.parametrize("content", [None, "", "{}", "not: [yaml", "current-context: gone"])
async def test_a_kubeconfig_that_is_of_no_use_is_named(tmp_path: Path, content: str | None) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    if content is not None:
        kubeconfig.write_text(content)
    with pytest.raises(NotConfigured, match=str(kubeconfig)):
        await load_configuration(kubeconfig)


async def test_a_context_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotConfigured, match="staging"):
        await load_configuration(a_kubeconfig(tmp_path / "kubeconfig"), context="staging")


@pytest.mark.parametrize(
    ("context", "namespace"), [(None, "here"), ("there", "tenants"), ("nowhere", "default"), ("gone", "default")]
)
def test_the_namespace_is_that_of_the_context(tmp_path: Path, context: str | None, namespace: str) -> None:
    contexts = {"here": {"namespace": "here"}, "there": {"namespace": "tenants"}, "nowhere": {}}
    kubeconfig = tmp_path / "kubeconfig"
    named = [{"name": name, "context": {"cluster": "c", "user": "u", **more}} for name, more in contexts.items()]
    known = {"clusters": [{"name": "c", "cluster": {}}], "users": [{"name": "u", "user": {}}]}
    kubeconfig.write_text(json.dumps({"current-context": "here", "contexts": named, **known}))
    assert default_namespace(kubeconfig, context) == namespace


def test_the_namespace_in_a_pod_is_the_pods(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    in_a_pod(monkeypatch, tmp_path)
    (config.SERVICE_ACCOUNT / "namespace").write_text("ringfleet-system\n")
    assert default_namespace() == "ringfleet-system"


async def test_a_plugin_provides_the_token(tmp_path: Path) -> None:
    plugin = tmp_path / "plugin"
    credential = '{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "t"}}'
    plugin.write_text(f"#!/bin/sh\necho '{credential}'\n")
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    kubeconfig = a_kubeconfig(tmp_path / "kubeconfig")
    user = f'{{"exec": {{"apiVersion": "client.authentication.k8s.io/v1", "command": "{plugin}"}}}}'
    kubeconfig.write_text(kubeconfig.read_text().replace('{\n        "token": "a-token"\n      }', user))
    async with Kube.connect(kubeconfig) as kube:
        assert (await kube.credentials()).token == "t"


@pytest.mark.parametrize(
    ("host", "no_proxy", "proxy"),
    [
        ("api.example", "", "http://proxy:3128"),
        ("api.example", "api.example", None),
        ("127.0.0.1", "", None),
        ("localhost", "", None),
    ],
)
async def test_the_environments_proxy_is_used_as_kubectl_would(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, host: str, no_proxy: str, proxy: str | None
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert (await load_configuration(a_kubeconfig(tmp_path / "kubeconfig", host))).proxy == proxy


def in_a_pod(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("pod-token")
    (tmp_path / "ca.crt").write_bytes(Authority("cluster").certificate)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(config, "SERVICE_ACCOUNT", tmp_path)
    loader = "kubernetes.aio.config.incluster_config"
    monkeypatch.setattr(f"{loader}.SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(f"{loader}.SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
