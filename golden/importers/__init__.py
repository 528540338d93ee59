"""Readers of other frameworks' files, whatever network they hold."""
