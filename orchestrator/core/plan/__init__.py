"""What the operator asked for, and every refusal. Law: a plan is read whole, or every problem is told at once.

Offers `plan` (the frozen values), `parse` (from a mapping to a Plan, and the JSON Schema), `keys` (the one table of
keys) and `scalars` (the shapes of single values, which the command line shares). The rest are the parts of the
parser.
"""
