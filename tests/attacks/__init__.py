"""Submissions that attack the grader: `forging` wants marks, `escaping` wants out."""
