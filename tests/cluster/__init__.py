"""Stories on a real API server: the real operator program, under its own RBAC, against the sandbox carrier."""
