"""`cltutor grade`: the notebooks of a class, checked in processes of their own.

A student's code runs in a process that is confined (confining.py) and that the grader talks with (wire.py). The checks
run in the grader: it sends inputs to the student's functions and compares what comes back, so that a verdict is never
written, printed or computed where a student's code could change it.
"""
