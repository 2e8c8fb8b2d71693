"""Alerts of the second engine: what screening, monitoring and customer risk hand to cases."""
