"""The condition language: Common Expression Language, front end and reference interpreter."""
