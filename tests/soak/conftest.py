"""The operator's rights, for the short soak."""

from tests.cluster.conftest import installed

__all__ = ["installed"]
