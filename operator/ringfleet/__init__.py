"""Ringfleet: fleets of phone numbers, declared as Kubernetes resources and kept equal to what the carriers hold.

The rooms, and which way the arrows point (import-linter holds them)::

    handlers, cli -> engine -> kube -> api, plan, carriers -> model        simulator (imports none of them)
"""

__version__ = "0.1.0"
