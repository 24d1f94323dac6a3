"""Readings and raw frames for years: one writer, a catalogue, Parquet files, and readers that never wait."""
