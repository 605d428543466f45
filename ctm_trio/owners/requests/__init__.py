"""The requests owner: `task.py` runs it, `book.py` says what is open, `answers.py` carries an answer out."""
