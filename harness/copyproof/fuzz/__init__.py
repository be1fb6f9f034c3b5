"""Random sequences of commands to a target and the model at once, shrunk to the shortest that shows a difference."""
