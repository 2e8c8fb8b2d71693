"""What egress keeps: approved destinations, spent grants, the count of reveals."""
