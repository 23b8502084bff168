"""Right and wrong answers to every exercise, one module per lecture.

`ALTERNATIVES[name]` are right answers written another way: all must pass.
`MUTANTS[name]` are wrong answers, each with the misconception its check must name.
They are written as students write them, apart from the mistakes the checks know.
"""
