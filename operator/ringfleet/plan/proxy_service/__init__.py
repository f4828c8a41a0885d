"""A proxy service: how many numbers its sessions need, and which of its claims it makes and lets go.

- `size.py`    how many numbers, by the load that is expected and that was seen
- `plan.py`    claims to make, numbers to empty, claims to let go
- `report.py`  what the service says of itself
"""
