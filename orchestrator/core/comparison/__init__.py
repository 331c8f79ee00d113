"""Whether source and target agree now. Law: values only; a change since the run is no failure of the run.

compare     each asset of a run against what both sides hold now: present, missing, unexpected, different (promise 15)
carried     what nobody has documented: whether keys and the like travelled with their applications
"""
