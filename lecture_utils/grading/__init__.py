"""Grade submissions of the exercises.

A submission is never run as it came: a fresh notebook is made from our source and the text of the student's
answers. Student code runs only inside a sandbox; it computes values from inputs that it may see, and hands
them out as plain data. What is right is known, and decided, outside.
"""
