"""Compositions of rooms that all apps share: answer a question, lift a data set, ask a data set."""
