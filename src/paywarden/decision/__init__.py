"""The conductor: asks the engines, combines opinions, records the decision."""
