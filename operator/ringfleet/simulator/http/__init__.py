"""How the simulated carrier is spoken to: every call's way through, and the control endpoint."""
