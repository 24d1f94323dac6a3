"""Detectors: scores by columns that change nothing; to decide and to learn are separate steps."""
