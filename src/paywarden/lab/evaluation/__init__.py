"""Evaluation: what a model and a policy stop in advance, on days that nothing was tuned on."""
