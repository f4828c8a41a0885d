"""What the simulated carrier sells: stock, carts, sales, and the numbers that customers hold."""
