"""Training: point-in-time training sets from files, fitting, artefacts with their model cards."""
