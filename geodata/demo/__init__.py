"""The demo park: a fictional place, drawn by a deterministic script (`python -m geodata.demo`)."""
