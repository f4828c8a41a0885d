"""DIDHub: `account` is the adapter, `cart` is how it buys, `registrar` files documents, `webhook` reads what it tells
us, `wire` is what is said on the line and how it is read."""
