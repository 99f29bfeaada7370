"""The native engine by itself: its layers beside the machine's measured peak."""
