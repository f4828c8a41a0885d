"""What a pool orders, keeps and lets go."""
