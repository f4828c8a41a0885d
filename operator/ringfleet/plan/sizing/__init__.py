"""How many numbers a volume needs, and how much volume a number carries."""
