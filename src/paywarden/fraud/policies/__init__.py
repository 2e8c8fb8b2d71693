"""Policies that come with the program, as the folders of text that they are."""
