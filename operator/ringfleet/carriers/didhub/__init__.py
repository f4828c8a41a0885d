"""DIDHub: `account` is the adapter, `cart` is how it buys, `wire` is what is said on the line and how it is read."""
