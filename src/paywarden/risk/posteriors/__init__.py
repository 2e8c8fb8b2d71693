"""Posteriors: how much fraud an entity's own past makes likely, decayed and drawn to its kind's."""
