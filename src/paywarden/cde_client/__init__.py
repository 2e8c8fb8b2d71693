"""What another process needs to believe an approval: wire types and a pure verifier."""
