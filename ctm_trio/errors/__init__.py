"""Every failure that a person may see, by subject. One class is one meaning: a code, a status, and a sentence.

What only one module raises may stand beside the code that raises it instead.
"""
