"""A Kubernetes control plane without Docker: etcd, kube-apiserver, kube-controller-manager and kubectl.

    go.mod, go.sum   which Kubernetes, pinned; there is no Go source of ours
    build.py         programs: found, else built once
    places.py        where they may be, and which of them fit together
    cache.py         the last two builds
    compiler.py      go list and go build
    toolchain.py     the Go that builds them: the machine's, else one from PyPI
    progress.py      how far a build is
    certificates.py  a throwaway authority and what it signs
    failures.py      the error of all that stands in the way
    folders.py       folders that the next one removes when their owner was killed
    kubeconfig.py    kubeconfig files, written and read
    program.py       one running program on a leash (leash.py), so that it can't outlive us
    plane.py         `ControlPlane`: start, ready, stop
    cluster.py       `Cluster`: what tests see, be it our control plane or the user's own cluster

`python -m tests.controlplane` starts one and keeps it until Ctrl-C.
"""
