"""Which documents are submitted, and what a review means for numbers."""
