"""How an address is kept: a keyed digest that identifies it, a sealed copy that can be opened."""
