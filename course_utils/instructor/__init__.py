"""The instructor's side of the course: build, execute and verify lectures."""
