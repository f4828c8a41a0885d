"""The error of all that stands between a test and an API server."""

from __future__ import annotations


class NothingToRunOn(RuntimeError):
    """There is no cluster to be had; the message says why, where, and what to do.

    NothingToRunOn
      BuildFailed          build.py, compiler.py    go failed, or the cache can't be written
      NoToolchain          toolchain.py             no Go to build with
      ControlPlaneFailed   plane.py, shared.py      a program ended, or never became ready
      NoCluster            cluster.py               what KUBECONFIG names is none, or does not answer
    """
