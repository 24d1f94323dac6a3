"""The park's water as SWMM computes it: a model written from the park, and the one door to the engine."""
