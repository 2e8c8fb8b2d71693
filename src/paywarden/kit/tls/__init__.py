"""Transport security: judging an endpoint from outside, and certificates that a proxy passes on."""
