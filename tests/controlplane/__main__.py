"""`python -m tests.controlplane`: start a control plane, say how to use it, keep it until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys

from tests.controlplane.build import Programs, find_programs
from tests.controlplane.plane import ControlPlane
from tests.endings import ended_politely


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.controlplane", description=__doc__)
    parser.add_argument("--build-only", action="store_true", help="build what is missing, print the folder, and exit")
    options = parser.parse_args()
    return ended_politely(lambda: _run(options.build_only), interrupted=0)


def _run(build_only: bool) -> int:
    programs = find_programs()
    if build_only:
        print(f"The control plane is built: {programs.api_server.parent}")
    else:
        _serve(programs)
    return 0


def _serve(programs: Programs) -> None:
    with ControlPlane(programs) as plane:
        print(
            "The control plane is up. In another terminal:\n\n"
            f"  export KUBECONFIG={plane.kubeconfig}\n"
            f"  export PATH={programs.kubectl.parent}:$PATH\n"
            "  kubectl get namespaces\n\n"
            "Ctrl-C stops it and removes everything in it.",
            flush=True,
        )
        signal.pause()


if __name__ == "__main__":
    sys.exit(main())
