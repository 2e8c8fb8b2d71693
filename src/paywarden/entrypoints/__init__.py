"""One small file per process; the only place that wires objects together."""
