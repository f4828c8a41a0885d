"""How many numbers a rotation set needs, which of them rest, and which are replaced."""
