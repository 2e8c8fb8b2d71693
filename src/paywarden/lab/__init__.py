"""Replay, outside files, evaluation."""
