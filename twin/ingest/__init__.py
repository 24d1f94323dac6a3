"""How measurements come in: one door per protocol, each ending in blocks of readings."""
