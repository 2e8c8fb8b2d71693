"""HTTP plumbing: problems, authentication port, typed endpoints, OpenAPI."""
