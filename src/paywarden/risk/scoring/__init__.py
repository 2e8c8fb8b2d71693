"""Scoring: what a model reads, the model itself, its calibration, reasons, drift and artefact."""
