"""SQLite with one writer: units of work, group commit, readers, schema and its migrations."""
