"""The demo: a cluster, a carrier and the operator on this machine, and a pool manifest that becomes numbers."""
