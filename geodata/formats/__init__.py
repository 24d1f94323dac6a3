"""Readers of the files that surveyors, designers and modellers hand in, and the account given of each."""
