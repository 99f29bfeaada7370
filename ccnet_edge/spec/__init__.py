"""Value objects: frozen, keyword-only, comparable, JSON both ways; the standard library only."""
