"""What both engines think with: features, rules, lists, enrichment, labels."""
